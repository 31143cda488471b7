"""Succession: lanes to other machines that take the places of lanes that are up, with another key, and lose no wave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...contracts.lane import Identity
from .peer_lane import PeerLane
from .ports import OutgoingLane

__all__ = ["Succession"]


class Succession:
    """Lanes that wait to take the place of another one, and those whose place was taken. The connections of the latter
    stay until the key ends that they have proved: answers come by them.

    Args:
        lanes: the lanes that are used, by the name of the other machine; written here when one takes its place.
        make: makes a lane to a machine, at an address with a key.
        later: has work done by a task of its own.
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
        """Has the lanes that are used prove another key: one that is up is replaced, and others prove it when they
        connect. Returns when all are replaced, or after so many seconds."""
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
            return  # a machine is away; it finds the new key when it comes back

    def begin(self, name: str, address: str, server_key: str) -> None:
        """A new lane takes the place of one that is up, as soon as it is up too."""
        before = self._waiting.get(name)
        if before is not None and (before.address, before.server_key) == (address, server_key):
            return
        self.drop(name)
        lane = self._waiting[name] = self._make(name, address, server_key)
        lane.connect()

    def waits(self, lane: OutgoingLane) -> bool:
        """Whether a lane has not taken its place yet."""
        return self._waiting.get(lane.name) is lane

    async def greeted(self, lane: OutgoingLane) -> None:
        """Both ends of a lane have greeted. If it waits for its place, it takes it, and what it is given from now on
        waits until the other one has sent everything."""
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
        """No lane to that machine waits for its place any more."""
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
        """The key before has ended: the connections that have proved it end."""
        superseded, self._superseded = self._superseded, []
        for lane in superseded:
            self._later(lane.close())

    async def close(self) -> None:
        """Closes all of them."""
        lanes = [*self._waiting.values(), *self._superseded]
        self._waiting, self._superseded = {}, []
        await asyncio.gather(*(lane.close() for lane in lanes), return_exceptions=True)
