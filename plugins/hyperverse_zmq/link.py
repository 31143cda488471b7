"""Link: what is known of one peer and what is on its way to it. Decides what to send next; does no I/O."""

from __future__ import annotations

import asyncio
from collections import deque

import attrs

from hyperverse_core.errors import ProtocolError
from hyperverse_core.transport import LaneReceiver, Outbox, Peer, Unpacker, pack

from .protocol import ACK, BATCH_BYTES, BYE, DATA, HEAD, PIECE_BYTES, WRAP
from .settings import ZmqSettings

__all__ = ["Link"]

_WINDOW_MESSAGES = 64
_WINDOW_BYTES = 4 * 1024 * 1024


@attrs.define(eq=False)
class Link:
    """One connection, seen from one side.

    The other side counts the DATA messages that it has handled and says so in all that it sends. No more than a
    window of them is ever on the way: so the memory of both sides is bounded, and the other side's ZeroMQ never
    stops reading, which would stop its heartbeats too.
    """

    peer: Peer
    receiver: LaneReceiver
    route: bytes
    outbox: Outbox
    unpacker: Unpacker
    unsent: bytes | None = None  # ZeroMQ had no room for it
    awake: bool = False  # the pump will look at it in this turn
    gone: bool = False  # ended, and both the receiver and whoever waited have been told
    closing: bool = False  # we have ended it: nothing is taken or delivered any more
    ended: asyncio.Future[None] | None = None  # somebody waits until it has ended
    _said_bye: bool = False
    _received: int = 0
    _owed: int = 0  # received, and not yet told
    _owed_bytes: int = 0
    _flying: deque[int] = attrs.field(factory=deque)
    _flying_bytes: int = 0
    _confirmed: int = 0

    @classmethod
    def make(cls, peer: Peer, receiver: LaneReceiver, route: bytes, settings: ZmqSettings) -> Link:
        """A link with empty queues."""
        outbox = Outbox(max_frames=settings.queue_frames, max_bytes=settings.queue_bytes, piece=PIECE_BYTES)
        return cls(peer, receiver, route, outbox, Unpacker(settings.max_frame))

    def next_message(self) -> bytes | None:
        """What to send now, or None."""
        if self._said_bye:
            return None
        if self.outbox and len(self._flying) < _WINDOW_MESSAGES and self._flying_bytes < _WINDOW_BYTES:
            words, pieces = self.outbox.take(BATCH_BYTES)
            message = pack(self._head(DATA), words, pieces)
            self._flying.append(len(message))
            self._flying_bytes += len(message)
            return message
        if self.closing and not self.outbox:
            self._said_bye = True
            return self._head(BYE) + b"closed by the other side"
        return self._head(ACK) if self.owes else None

    def acknowledgement(self) -> bytes:
        """A message that says only what has arrived."""
        return self._head(ACK)

    def _head(self, kind: int) -> bytes:
        self._owed = self._owed_bytes = 0
        return HEAD.pack(kind, self._received)

    def confirmed(self, count: int) -> None:
        """The other side has handled ``count`` messages. Raises ProtocolError when there were not so many."""
        news = (count - self._confirmed) & WRAP
        if not news:
            return
        if news > len(self._flying):
            raise ProtocolError(f"the peer confirms {news} messages, {len(self._flying)} were sent")
        for _ in range(news):
            self._flying_bytes -= self._flying.popleft()
        self._confirmed = count

    def frames(self, message: bytes) -> list[bytes]:
        """The frames of a DATA message. Raises ProtocolError."""
        self._received = (self._received + 1) & WRAP
        self._owed += 1
        self._owed_bytes += len(message)
        return self.unpacker.frames(message, HEAD.size)

    @property
    def owes(self) -> bool:
        """Whether the other side needs to hear soon how much has arrived."""
        return self._owed >= _WINDOW_MESSAGES // 2 or self._owed_bytes >= _WINDOW_BYTES // 2

    @property
    def has_work(self) -> bool:
        """Whether :meth:`next_message` may have something."""
        return bool(self.outbox) or self.closing or self.owes
