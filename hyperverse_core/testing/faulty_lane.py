"""A network that fails on purpose, the same way each time: delays, cut wires, lost connections, dead machines.

Order within one connection always holds, and what is delivered is whole: that is the contract of a lane. Between
two connections anything may overtake anything.
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
    """A transport of one machine in a :class:`FaultyHub`; ``hub.transport(name)`` makes one.

    Args:
        network: which machines there are and what goes wrong between them.
        machine: name of the machine that it stands for.
        settings: as LocalTransport has them.
    """

    def __init__(self, network: FaultyHub, machine: str, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings, hub=network, machine=machine)
        self.network = network

    def crash(self) -> None:
        """As when the process is killed: nobody is told; the others notice after ``network.notice`` seconds."""
        for end in list(self.ends.values()):
            self.network.lose_later(end.other, f"machine {self.machine!r} does not answer any more")
        super().crash()


class FaultyHub(LocalHub):
    """All machines of a simulation and the wires between them.

    Args:
        chance: where all randomness comes from.
        delay: shortest and longest time (seconds) that a message takes; drawn anew for each.
        drop: chance that a message ends its connection instead of arriving.
        duplicate: chance that a message arrives twice. No lane may do that: it is for tests of what happens then.
        notice: seconds after which both sides of a cut wire know that their connections are lost.
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
        """A new transport of ``machine``."""
        made = FaultyTransport(self, machine, settings)
        self._transports.add(made)
        return made

    def set_delay(self, one: str, other: str, shortest: float, longest: float) -> None:
        """From now on messages between two machines, both ways, take that long (seconds)."""
        self._delays[one, other] = self._delays[other, one] = (shortest, longest)

    def cut(self, one: str, other: str) -> None:
        """Cuts the wire between two machines: nothing arrives; after ``notice`` seconds both sides know."""
        self._cut.add(frozenset((one, other)))
        for end in self._ends_between(one, other):
            self.lose_later(end, f"the wire between {one!r} and {other!r} is cut")

    def heal(self, one: str, other: str) -> None:
        """New connections work again. Those that were cut stay lost."""
        self._cut.discard(frozenset((one, other)))

    def partition(self, *groups: set[str]) -> None:
        """Cuts every wire between machines of different groups."""
        for number, group in enumerate(groups):
            for others in groups[number + 1 :]:
                for one in sorted(group):
                    for other in sorted(others):
                        self.cut(one, other)

    def heal_all(self) -> None:
        """Mends every wire."""
        self._cut.clear()

    def disconnect(self, one: str, other: str) -> int:
        """Ends all connections between two machines at once; both sides are told. Returns how many."""
        ends = self._ends_between(one, other)
        for end in ends:
            break_connection(end, "the connection broke")
        return len(ends) // 2

    def lose_later(self, end: LocalEnd, reason: str) -> None:
        """Makes ``end`` deaf and dumb now; its receiver hears of it after ``notice`` seconds."""
        if isinstance(end.way, _FaultyWay):
            end.way.dead = True
        end.way.loop.call_later(self.notice, end.lost, reason)

    def way(self, source: LocalTransport, target: LocalTransport) -> Way:
        return _FaultyWay(self, source.machine, target.machine)

    def reachable(self, source: LocalTransport, target: LocalTransport) -> bool:
        return frozenset((source.machine, target.machine)) not in self._cut

    def delay_of(self, source: str, target: str) -> float:
        """How long the next message takes."""
        return self.chance.uniform(*self._delays.get((source, target), self.delay))

    def _ends_between(self, one: str, other: str) -> list[LocalEnd]:
        return [
            end
            for transport in sorted(self._transports, key=lambda t: t.machine)
            for end in list(transport.ends.values())
            if isinstance(end.way, _FaultyWay) and {end.way.source, end.way.target} == {one, other}
        ]


class _FaultyWay(Way):
    """One direction of one connection. Messages stand in a queue, so that none overtakes another."""

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
    """Both sides of a connection lose it, in the next turn of the loop."""
    for side in (end, end.other):
        if isinstance(side.way, _FaultyWay):
            side.way.dead = True
        side.way.loop.call_soon(side.lost, reason)
