"""LocalEnd: one side of a connection inside the process, and its path to the other side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from ...contracts.lane import LaneReceiver, Peer
from ...errors import Unavailable
from ..guarded_call import guarded_call
from ..outbox import Outbox, Piece

__all__ = ["LocalEnd", "Owner", "Way"]

_log = logging.getLogger("hyperverse.lane.local")
_BATCH_BYTES = 256 * 1024
_WINDOW_BYTES = 4 * 1024 * 1024
_CLOSE_SECONDS = 1.0


class Way:
    """Carries calls to the other side, in order. This class takes one turn of the event loop; a faulty way may take
    longer, or lose everything after some time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def carry(self, call: Callable[[], None]) -> None:
        """Makes ``call`` run at the other side."""
        self.loop.call_soon(call)

    def deliver(self, target: LocalEnd, frames: Sequence[Piece], size: int) -> None:
        """Hands ``frames``, which count as ``size`` bytes, to ``target`` on the other side."""
        self.carry(lambda: target.arrived(frames, size))


class Owner(Protocol):
    """The part of its transport that an end uses."""

    ends: dict[Peer, LocalEnd]
    ended: bool


class LocalEnd:
    """One side of a connection. It holds the frames that wait to be sent, and passes incoming frames to its receiver.

    Args:
        peer: the other side.
        owner: the transport of this end.
    """

    def __init__(
        self,
        peer: Peer,
        receiver: LaneReceiver,
        way: Way,
        owner: Owner,
        *,
        max_frames: int,
        max_bytes: int,
    ) -> None:
        self.peer = peer
        self.way = way
        self.outbox = Outbox(max_frames=max_frames, max_bytes=max_bytes, piece=1 << 62)
        self.other: LocalEnd
        self.closing = False
        self._receiver = receiver
        self._owner = owner
        self._gone = False
        self._flush_planned = False
        self._flying = 0
        self._empty: asyncio.Future[None] | None = None
        self._welcomed: asyncio.Future[None] | None = None  # on the connecting side
        self._held: list[Callable[[], None]] | None = None

    async def greet(self) -> None:
        """Makes the connection: notifies the receiver at the other side, and waits for its welcome."""
        self._held = []
        self._welcomed = self.way.loop.create_future()
        self.way.carry(self.other._greeted)
        await self._welcomed

    def _greeted(self) -> None:
        if self._owner.ended:
            self.way.carry(lambda: self.other._refused("nobody listens there any more"))
            return
        self._owner.ends[self.peer] = self
        self.way.carry(self.other._welcome)
        guarded_call(_log, self._receiver.lane_up, self.peer)

    def _refused(self, reason: str) -> None:
        if self._welcomed is not None and not self._welcomed.done():
            self._welcomed.set_exception(Unavailable(reason))

    def _welcome(self) -> None:
        if self._owner.ended:
            self._refused("the transport was closed")
        if self._gone or self._welcomed is None or self._welcomed.done():
            return
        self._owner.ends[self.peer] = self
        self._welcomed.set_result(None)
        self.way.loop.call_soon(self._release)

    def _release(self) -> None:
        """Delivers the held frames. The caller of connect() runs first, so it knows its peer when the first frames
        arrive."""
        held, self._held = self._held or [], None
        for call in held:
            call()

    def send(self, frame: bytes, priority: int) -> None:
        """Queues a frame. Raises LaneFull."""
        self.outbox.put(frame, priority)
        self._plan_flush()

    def _plan_flush(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            self.way.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._gone:
            return
        if self.outbox and self._flying < _WINDOW_BYTES:
            words, frames = self.outbox.take(_BATCH_BYTES)
            size = sum(word >> 4 for word in words) + 64 * len(words)
            self._flying += size
            self.way.deliver(self.other, frames, size)
            if self.outbox:
                self._plan_flush()
        self._tell_if_empty()

    def _tell_if_empty(self) -> None:
        if self._empty is not None and not self._empty.done() and not self.outbox and not self._flying:
            self._empty.set_result(None)

    def arrived(self, frames: Sequence[Piece], size: int) -> None:
        """Handles frames from the other side."""
        if self._held is not None:
            self._held.append(lambda: self.arrived(frames, size))
            return
        if not self._gone and not self.closing:
            guarded_call(_log, self._receiver.lane_frames, self.peer, [bytes(frame) for frame in frames])
        self.other._confirmed(size)

    def _confirmed(self, size: int) -> None:
        self._flying -= size
        if self.outbox:
            self._plan_flush()
        self._tell_if_empty()

    async def disconnect(self) -> None:
        """Ends the connection once everything sent has arrived, or after a second."""
        if self._gone:
            return
        if self._empty is None:
            self._empty = self.way.loop.create_future()
        self.closing = True
        self._plan_flush()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.shield(self._empty)
        except TimeoutError:
            _log.info("%s did not receive the remaining messages", self.peer)
        finally:
            self.cut("closed by the other side")

    def cut(self, reason: str) -> None:
        """Ends this side immediately, and notifies the other side."""
        if not self._gone:
            self.way.carry(lambda: self.other.lost(reason))
            self.vanish()

    def lost(self, reason: str) -> None:
        """Called when the connection is lost: notifies the receiver of this side, unless this side ended it."""
        if self._held is not None:
            self._held.append(lambda: self.lost(reason))
            return
        if not self._gone:
            closing = self.closing
            self.vanish()
            if not closing:
                guarded_call(_log, self._receiver.lane_down, self.peer, reason)

    def vanish(self) -> None:
        """Ends this side immediately, without notifying the other side."""
        if self._gone:
            return
        self._gone = True
        self._owner.ends.pop(self.peer, None)
        self.outbox.fail(Unavailable(f"the lane to {self.peer.name!r} has ended"))
        self._refused("the connection was abandoned")
        if self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
