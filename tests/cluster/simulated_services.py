"""What the machines of a simulation share: a database that takes its time, and a network that breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cluster.simulated_processes import OUTSIDE, Process, current_process
from hyperverse_core.contracts.lane import Endpoint, Identity, LaneReceiver, Peer
from hyperverse_core.contracts.registry import Changes, Registry
from hyperverse_core.errors import Unavailable
from hyperverse_core.lanes.local.end import Way
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing.faulty_lane import FaultyHub, FaultyTransport
from hyperverse_core.testing.memory_registry import MemoryRegistry

__all__ = ["Network", "RemoteRegistry", "new_registry_class"]

_LATENCY = (0.0002, 0.006)
_SLOW, _SLOW_CHANCE = 0.15, 0.01
_READS = frozenset({"records", "record", "stars", "children", "select", "load_state", "hosted", "grants", "revision"})


class RemoteRegistry(Registry):
    """A machine's connection to the database. The rest of its methods come from :func:`new_registry_class`.

    Attributes:
        paused: while it is set, nothing is answered, and nothing is done.
        failing: chance that a call is refused; nothing is done then.
        reads: whether it can be read while it is paused, as when somebody holds the lock for writing.
    """

    def __init__(self, inner: MemoryRegistry, chance: random.Random) -> None:
        self.inner = inner
        self.chance = chance
        self.failing = 0.0
        self.reads = False
        self._arrival = 0.0
        self._open = asyncio.Event()
        self._open.set()

    def pause(self) -> None:
        """From now on nothing is done."""
        self._open.clear()

    def go_on(self) -> None:
        """What has waited is done."""
        self._open.set()

    async def changes(self, since: int, *, timeout: float) -> Changes:
        await self._way()
        found = await self.inner.changes(since, timeout=timeout)
        await self._way()
        return found

    async def call(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Asks the database: a request that has left is carried out whatever becomes of whoever asked."""
        if name in ("open", "close"):
            return await getattr(self.inner, name)()
        loop = asyncio.get_running_loop()
        self._arrival = max(self._arrival, loop.time() + self._latency())
        done = loop.create_task(self._serve(self._arrival, name, args, kwargs), context=OUTSIDE.copy())
        return await asyncio.shield(done)

    async def _serve(self, arrival: float, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        await asyncio.sleep(arrival - asyncio.get_running_loop().time())  # one connection: in the order of asking
        if name not in _READS or not self.reads:
            await self._open.wait()
        if self.failing and self.chance.random() < self.failing:
            raise Unavailable("the database is away", retry_after=0.1)
        result = await getattr(self.inner, name)(*args, **kwargs)
        await self._way()
        if name not in _READS or not self.reads:
            await self._open.wait()
        return result

    async def _way(self) -> None:
        await asyncio.sleep(self._latency())

    def _latency(self) -> float:
        slow = self.chance.random() < _SLOW_CHANCE
        return self.chance.uniform(*_LATENCY) + (self.chance.uniform(0, _SLOW) if slow else 0.0)


def _forward(name: str) -> Callable[..., Any]:
    async def method(self: RemoteRegistry, *args: Any, **kwargs: Any) -> Any:
        return await self.call(name, args, kwargs)

    return method


def new_registry_class() -> type[RemoteRegistry]:
    """RemoteRegistry with every method of the contract."""
    left = {name: _forward(name) for name in RemoteRegistry.__abstractmethods__}
    return type("FullRemoteRegistry", (RemoteRegistry,), left)


class _Receiver:
    """Has a process called, in its own context, for what the network brings."""

    def __init__(self, receiver: LaneReceiver, process: Process) -> None:
        self._receiver = receiver
        self._process = process

    def lane_up(self, peer: Peer) -> None:
        self._process.call(self._receiver.lane_up, peer)

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self._process.call(self._receiver.lane_frames, peer, frames)

    def lane_down(self, peer: Peer, reason: str) -> None:
        self._process.call(self._receiver.lane_down, peer, reason)


class _Transport(FaultyTransport):
    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        return await super().open(endpoint, _in_process(receiver))

    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        return await super().connect(
            address, _in_process(receiver), identity=identity, server_key=server_key, timeout=timeout
        )


def _in_process(receiver: LaneReceiver) -> _Receiver:
    process = current_process()
    assert process is not None
    return _Receiver(receiver, process)


class Network(FaultyHub):
    """The network of a simulation. What has left a machine travels on by itself."""

    def transport(self, machine: str, settings: Mapping[str, Any] | None = None) -> FaultyTransport:
        made = _Transport(self, machine, settings)
        self._transports.add(made)
        return made

    def way(self, source: LocalTransport, target: LocalTransport) -> Way:
        way = super().way(source, target)
        carry = way.carry
        way.carry = lambda call: OUTSIDE.copy().run(carry, call)  # type: ignore[method-assign]  # same, elsewhere
        return way

    def silence(self, machine: str) -> None:
        """A machine has stood still for so long that the others give their connections to it up."""
        for transport in list(self._transports):
            if transport.machine == machine:
                for end in list(transport.ends.values()):
                    self.lose_later(end.other, f"machine {machine!r} does not answer")
                    self.lose_later(end, "the other side has given up")
