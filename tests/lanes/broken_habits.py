"""More broken transports: each does well until something else happens, such as a full lane, an end, or many at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from hyperverse_core.contracts.lane import LaneReceiver, Peer
from hyperverse_core.errors import LaneFull
from hyperverse_core.lanes.local.end import LocalEnd, Way
from hyperverse_core.lanes.local.transport import LocalTransport
from lanes.bent_lanes import Bent, Make, bending, plain

__all__ = ["BROKEN_HABITS"]


class _LosesAFrameWhenFull(LocalTransport):
    """Drops the frame that comes after the window was full."""

    _was_full = False

    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        lost, self._was_full = self._was_full, False
        try:
            super().send(peer, frame if not lost else b"", priority=priority)
        except LaneFull:
            self._was_full = True
            raise


class _FullOnceMore(LocalTransport):
    """Refuses a frame that could go, because its count is behind."""

    _behind = False

    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        if self._behind:
            self._behind = False
            raise LaneFull("the count is behind")
        try:
            super().send(peer, frame, priority=priority)
        except LaneFull:
            self._behind = True
            raise


class _OneWaitsForAll(LocalTransport):
    """All who wait for room wait for one task; who gives up cancels it."""

    _waiting: asyncio.Task[None] | None = None

    async def drain(self, peer: Peer) -> None:
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(super().drain(peer))
        await self._waiting


class _WaitsForTheOtherSide(LocalTransport):
    """Waits for the goodbye of a side that waits for ours."""

    async def disconnect(self, peer: Peer) -> None:
        end = self.ends.get(peer)
        if end is not None and end.other.closing:
            await asyncio.Event().wait()
        await super().disconnect(peer)


class _SpeaksAfterItsEnd(LocalTransport):
    """Delivers what was on the way when we ended the connection."""

    async def disconnect(self, peer: Peer) -> None:
        end = self.ends.get(peer)
        await super().disconnect(peer)
        if end is not None:
            asyncio.get_running_loop().call_soon(end._receiver.lane_frames, peer, [b"late"])


class _EndsOnce(LocalTransport):
    """Takes an end that was cancelled for one under way."""

    def __init__(self) -> None:
        super().__init__()
        self._ending: dict[Peer, asyncio.Event] = {}

    async def disconnect(self, peer: Peer) -> None:
        if peer in self._ending:
            await self._ending[peer].wait()
            return
        self._ending[peer] = asyncio.Event()
        await asyncio.sleep(0)
        await super().disconnect(peer)
        self._ending[peer].set()


class _AddressWithPort(LocalTransport):
    _port: ClassVar[int] = 40_000

    def _new_end(self, peer: Peer, receiver: LaneReceiver, way: Way) -> LocalEnd:
        type(self)._port += 1
        return super()._new_end(attrs.evolve(peer, address=f"192.0.2.7:{self._port}"), receiver, way)


class _KeyOfTheLastOne(LocalTransport):
    """Asks for the key when the connection is complete, and gets that of whoever came last."""

    _last: ClassVar[str] = ""

    async def connect(self, address: str, receiver: LaneReceiver, **options: Any) -> Peer:
        identity = options.get("identity") or self.new_identity()
        type(self)._last = identity.public
        await asyncio.sleep(0)
        return await super().connect(address, receiver, **{**options, "identity": identity})

    def _new_end(self, peer: Peer, receiver: LaneReceiver, way: Way) -> LocalEnd:
        return super()._new_end(attrs.evolve(peer, key=self._last) if peer.endpoint else peer, receiver, way)


class _FramesAfterDown(Bent):
    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, reason)
        self.receiver.lane_frames(peer, [b"late"])


class _FromAThread(Bent):
    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        thread = threading.Thread(target=self.receiver.lane_frames, args=(peer, frames))
        thread.start()
        thread.join()


class _StopsAtAnException(Bent):
    """The task that calls the receiver ends with the first exception in ``lane_down``."""

    _stopped = False

    def lane_up(self, peer: Peer) -> None:
        if not self._stopped:
            self.receiver.lane_up(peer)

    def lane_down(self, peer: Peer, reason: str) -> None:
        try:
            self.receiver.lane_down(peer, reason)
        except Exception:
            self._stopped = True
            raise


class _AnswersLater(Bent):
    """Calls the receiver with every second batch after the next one."""

    def __init__(self, receiver: LaneReceiver) -> None:
        super().__init__(receiver)
        self._calls = 0

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self._calls += 1
        if self._calls % 2:
            asyncio.get_running_loop().call_later(0.01, self.receiver.lane_frames, peer, frames)
        else:
            self.receiver.lane_frames(peer, frames)


BROKEN_HABITS: Mapping[str, Make] = {
    "loses a frame when it was full": plain(_LosesAFrameWhenFull),
    "is full though it says that there is room": plain(_FullOnceMore),
    "lets one that gives up disturb the others": plain(_OneWaitsForAll),
    "waits for a side that waits": plain(_WaitsForTheOtherSide),
    "speaks after we have ended it": plain(_SpeaksAfterItsEnd),
    "cannot be ended once that was cancelled": plain(_EndsOnce),
    "tells addresses with ports": plain(_AddressWithPort),
    "tells the key of the last one": plain(_KeyOfTheLastOne),
    "delivers after the end": bending(_FramesAfterDown),
    "calls from another thread": bending(_FromAThread),
    "stops at an exception": bending(_StopsAtAnException),
    "lets a batch overtake another": bending(_AnswersLater),
}
"""What is wrong, and how to make transports that do it, all of one network."""
