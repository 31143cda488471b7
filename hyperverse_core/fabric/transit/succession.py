"""Succession: replaces lanes that are up with lanes that prove another key, without losing a wave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...contracts.lane import Identity
from .peer_lane import PeerLane
from .ports import OutgoingLane

__all__ = ["Succession"]


class Succession:
    """Lanes that wait to replace another lane, and the lanes that they replaced. Replaced lanes keep their connections
    until their key ends, because answers arrive on them.

    Args:
        lanes: the lanes in use, by the name of the other machine; written here when a lane is replaced.
        make: makes a lane to a machine, at an address with a key.
        later: runs work in a separate task.
    """

    def __init__(
        self,
        lanes: dict[str, PeerLane],
        make: Callable[[str, str, str], PeerLane],
        later: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._lanes = lanes
        self._make = make
        self._later = later
        self._waiting: dict[str, PeerLane] = {}
        self._superseded: list[PeerLane] = []
        self._none_waits = asyncio.Event()

    async def prove(self, identity: Identity, seconds: float) -> None:
        """Makes the lanes in use prove another key: a lane that is up is replaced, the others prove it when they
        connect. Returns when all are replaced, or after ``seconds``."""
        for lane in list(self._lanes.values()):
            lane.prove(identity)
            if lane.peer is not None:
                self.begin(lane.name, lane.address, lane.server_key)
        try:
            async with asyncio.timeout(seconds):
                while self._waiting:
                    self._none_waits.clear()
                    await self._none_waits.wait()
        except TimeoutError:
            return  # a machine is unreachable; it finds the new key when it returns

    def begin(self, name: str, address: str, server_key: str) -> None:
        """Makes a new lane that replaces one that is up as soon as the new lane is also up."""
        before = self._waiting.get(name)
        if before is not None and (before.address, before.server_key) == (address, server_key):
            return
        self.drop(name)
        lane = self._waiting[name] = self._make(name, address, server_key)
        lane.connect()

    def waits(self, lane: OutgoingLane) -> bool:
        """Whether a lane has not replaced the other one yet."""
        return self._waiting.get(lane.name) is lane

    async def greeted(self, lane: OutgoingLane) -> None:
        """Both ends of a lane have greeted. If it was waiting, it now replaces the other lane, and holds its frames
        until the other lane has sent everything."""
        if not self.waits(lane):
            return
        before = self._lanes.get(lane.name)
        self._lanes[lane.name] = self._waiting.pop(lane.name)
        if before is not None:
            self._superseded.append(before)
            await before.supersede()
        if not self._waiting:
            self._none_waits.set()

    def drop(self, name: str) -> None:
        """Drops the waiting lane to a machine."""
        lane = self._waiting.pop(name, None)
        if lane is not None:
            self._later(lane.close())
            if not self._waiting:
                self._none_waits.set()

    def keep(self, names: Callable[[str], bool]) -> None:
        """Drops the lanes to machines that are gone."""
        for name in [name for name in self._waiting if not names(name)]:
            self.drop(name)

    def end(self) -> None:
        """Ends the connections that proved the previous key, which has ended."""
        superseded, self._superseded = self._superseded, []
        for lane in superseded:
            self._later(lane.close())

    async def close(self) -> None:
        """Closes all lanes."""
        lanes = [*self._waiting.values(), *self._superseded]
        self._waiting, self._superseded = {}, []
        await asyncio.gather(*(lane.close() for lane in lanes), return_exceptions=True)
