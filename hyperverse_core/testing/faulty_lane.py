"""A network that fails on purpose, the same way each time: delays, cut wires, lost connections, dead machines.

Frames of one connection always arrive in order and unchanged, as the contract of a lane demands. Frames of different
connections may overtake one another.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakSet

from ..lanes.local.end import LocalEnd, Way
from ..lanes.local.transport import LocalHub, LocalTransport
from ..lanes.outbox import Piece

__all__ = ["FaultyHub", "FaultyTransport"]


class FaultyTransport(LocalTransport):
    """The transport of one machine in a :class:`FaultyHub`. :meth:`FaultyHub.transport` makes one.

    Args:
        network: the hub, with the machines and the faults between them.
        machine: name of the machine.
        settings: the settings of a LocalTransport.
    """

    def __init__(self, network: FaultyHub, machine: str, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings, hub=network, machine=machine)
        self.network = network

    def crash(self) -> None:
        """Ends like a killed process: its peers are not told, and notice after ``network.notice`` seconds."""
        for end in list(self.ends.values()):
            self.network.lose_later(end.other, f"machine {self.machine!r} does not answer any more")
        super().crash()


class FaultyHub(LocalHub):
    """All machines of a simulation, and the wires between them.

    Args:
        chance: the source of all randomness. The same seed gives the same faults.
        delay: shortest and longest time (seconds) that a message takes, drawn for each message.
        drop: probability (0 to 1) that a message ends its connection instead of arriving.
        duplicate: probability (0 to 1) that a message arrives twice. No lane may do that: this shows the consequences.
        notice: seconds after which both sides of a cut wire learn that their connections are lost.

    Example::

        hub = FaultyHub(random.Random(4711), delay=(0.001, 0.05), drop=0.01)
        here, there = Machine(one, transport=hub.transport("one")), Machine(two, transport=hub.transport("two"))
        hub.cut("one", "two")
    """

    def __init__(
        self,
        chance: random.Random,
        *,
        delay: tuple[float, float] = (0.0, 0.0),
        drop: float = 0.0,
        duplicate: float = 0.0,
        notice: float = 2.0,
    ) -> None:
        super().__init__()
        self.chance = chance
        self.delay = delay
        self.drop = drop
        self.duplicate = duplicate
        self.notice = notice
        self._delays: dict[tuple[str, str], tuple[float, float]] = {}
        self._cut: set[frozenset[str]] = set()
        self._transports: WeakSet[FaultyTransport] = WeakSet()

    def transport(self, machine: str, settings: Mapping[str, Any] | None = None) -> FaultyTransport:
        """Makes a transport of ``machine``.

        Args:
            settings: the settings of a LocalTransport.
        """
        made = FaultyTransport(self, machine, settings)
        self._transports.add(made)
        return made

    def set_delay(self, one: str, other: str, shortest: float, longest: float) -> None:
        """Sets the time that messages take between two machines, in both directions.

        Args:
            one, other: names of the machines.
            shortest, longest: seconds; each message takes a random time between them.
        """
        self._delays[one, other] = self._delays[other, one] = (shortest, longest)

    def cut(self, one: str, other: str) -> None:
        """Cuts the wire between the machines ``one`` and ``other``: nothing arrives, and both learn of it after
        ``notice`` seconds."""
        self._cut.add(frozenset((one, other)))
        for end in self._ends_between(one, other):
            self.lose_later(end, f"the wire between {one!r} and {other!r} is cut")

    def heal(self, one: str, other: str) -> None:
        """Repairs the wire between the machines ``one`` and ``other``: new connections work, the old ones stay lost."""
        self._cut.discard(frozenset((one, other)))

    def partition(self, *groups: set[str]) -> None:
        """Cuts every wire between machines of different ``groups``."""
        for number, group in enumerate(groups):
            for others in groups[number + 1 :]:
                for one in sorted(group):
                    for other in sorted(others):
                        self.cut(one, other)

    def heal_all(self) -> None:
        """Repairs every wire."""
        self._cut.clear()

    def disconnect(self, one: str, other: str) -> int:
        """Ends all connections between the machines ``one`` and ``other``, and tells both. Returns their number."""
        ends = self._ends_between(one, other)
        for end in ends:
            break_connection(end, "the connection broke")
        return len(ends) // 2

    def lose_later(self, end: LocalEnd, reason: str) -> None:
        """Lets nothing pass through ``end`` any more. Its receiver learns the ``reason`` after ``notice`` seconds."""
        if isinstance(end.way, _FaultyWay):
            end.way.dead = True
        end.way.loop.call_later(self.notice, end.lost, reason)

    def way(self, source: LocalTransport, target: LocalTransport) -> Way:
        """The direction of a new connection from ``source`` to ``target``."""
        return _FaultyWay(self, source.machine, target.machine)

    def reachable(self, source: LocalTransport, target: LocalTransport) -> bool:
        """Whether ``source`` can connect to ``target``: their wire is not cut."""
        return frozenset((source.machine, target.machine)) not in self._cut

    def delay_of(self, source: str, target: str) -> float:
        """Seconds that the next message from the machine ``source`` to the machine ``target`` takes."""
        return self.chance.uniform(*self._delays.get((source, target), self.delay))

    def _ends_between(self, one: str, other: str) -> list[LocalEnd]:
        return [
            end
            for transport in sorted(self._transports, key=lambda t: t.machine)
            for end in list(transport.ends.values())
            if isinstance(end.way, _FaultyWay) and {end.way.source, end.way.target} == {one, other}
        ]


class _FaultyWay(Way):
    """One direction of one connection. Messages wait in a queue, so that none overtakes another."""

    def __init__(self, network: FaultyHub, source: str, target: str) -> None:
        super().__init__(asyncio.get_running_loop())
        self.source = source
        self.target = target
        self.dead = False
        self._network = network
        self._queue: deque[Callable[[], None]] = deque()
        self._last = 0.0

    def carry(self, call: Callable[[], None]) -> None:
        self._queue.append(call)
        self._last = max(self._last, self.loop.time() + self._network.delay_of(self.source, self.target))
        self.loop.call_at(self._last, self._next)

    def _next(self) -> None:
        call = self._queue.popleft()
        if not self.dead:
            call()

    def deliver(self, target: LocalEnd, frames: Sequence[Piece], size: int) -> None:
        network = self._network
        if network.drop and network.chance.random() < network.drop:
            break_connection(target, "the connection broke")
            return
        super().deliver(target, frames, size)
        if network.duplicate and network.chance.random() < network.duplicate:
            super().deliver(target, frames, 0)


def break_connection(end: LocalEnd, reason: str) -> None:
    """Ends a connection for both sides, in the next turn of the event loop."""
    for side in (end, end.other):
        if isinstance(side.way, _FaultyWay):
            side.way.dead = True
        side.way.loop.call_soon(side.lost, reason)
