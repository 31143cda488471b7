"""PeerChannel: the state of one end of a connection, and what it sends next. It does no input or output."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import attrs

from ..contracts.lane import LaneReceiver, Peer
from ..errors import ProtocolError
from .batch import LONE, Unpacker, pack
from .messages import ACK, BATCH_BYTES, DATA, HEAD, PIECE_BYTES, WRAP, goodbye
from .outbox import Outbox

__all__ = ["WINDOW_BYTES", "WINDOW_MESSAGES", "PeerChannel"]

WINDOW_MESSAGES = 64
"""Number of DATA messages that may be in flight to a peer. Both sides must use the same number."""

WINDOW_BYTES = 4 * 1024 * 1024
"""Bytes of DATA messages that may be in flight to a peer, unless the two sides agree on less."""

_pack_lone = LONE.pack
_OWED = WINDOW_MESSAGES // 2
"""An acknowledgement is due soon once this much has arrived without being acknowledged."""


@attrs.define(eq=False)
class PeerChannel:
    """One end of a connection over a network that keeps messages in order.

    Window: the other side counts the DATA messages that it has handled, and reports the count in every message that it
    sends. At most one window of them is in flight, so the memory of both sides is bounded whatever the network buffers,
    and a slow receiver does not prevent the network from carrying heartbeats.

    Acknowledgement: a side that has nothing to send sends an ACK when half a window has arrived.

    Goodbye: the side that ends the connection sends what is waiting, then a BYE; the other side answers GONE when it
    has handled everything.

    A :class:`ChannelPump` moves the messages. Made by :meth:`make`.

    Attributes:
        peer: the other side.
        receiver: gets the frames of the other side.
        outbox: frames waiting to be sent.
        unpacker: turns DATA messages into frames.
        route: the pump's route to the other side, such as a routing id or a subject. Only the pump uses it.
        unsent: a message that the network has not taken yet.
        awake: whether the pump looks at this channel at the end of this turn of the loop.
        gone: whether it has ended, and all parts concerned have been notified.
        closing: whether this side ended it, so that nothing is accepted or delivered any more.
        ended: set when it has ended; None while nobody waits for the end.
        batch_bytes: how many bytes of frames are gathered into one message.
        window_bytes: how many bytes of DATA messages may be in flight to the other side.
        granted_bytes: how many bytes the other side may have in flight to this one.
    """

    peer: Peer
    receiver: LaneReceiver
    outbox: Outbox
    unpacker: Unpacker
    route: Any = None
    unsent: bytes | None = None
    awake: bool = False
    gone: bool = False
    closing: bool = False
    ended: asyncio.Future[None] | None = None
    batch_bytes: int = BATCH_BYTES
    window_bytes: int = WINDOW_BYTES
    granted_bytes: int = WINDOW_BYTES
    _most_begun: int = 0
    _said_bye: bool = False
    _received: int = 0
    _owed: int = 0  # received, not yet acknowledged
    _owed_bytes: int = 0
    _flying: deque[int] = attrs.field(factory=deque)
    _flying_bytes: int = 0
    _confirmed: int = 0

    @classmethod
    def make(
        cls,
        peer: Peer,
        receiver: LaneReceiver,
        *,
        queue_frames: int = 8192,
        queue_bytes: int = 16 * 1024 * 1024,
        max_frame: int = 16 * 1024 * 1024,
        route: Any = None,
        piece_bytes: int = PIECE_BYTES,
        batch_bytes: int = BATCH_BYTES,
    ) -> PeerChannel:
        """Returns a channel with empty queues.

        Args:
            peer: the other side.
            receiver: gets its frames.
            queue_frames: how many frames may wait to be sent.
            queue_bytes: how many bytes may wait to be sent.
            max_frame: the largest frame, in bytes.
            route: see the attribute of that name.
            piece_bytes: the largest piece of a frame in one message, in bytes.
            batch_bytes: how many bytes of frames are gathered into one message.
        """
        outbox = Outbox(max_frames=queue_frames, max_bytes=queue_bytes, piece=piece_bytes)
        return cls(peer, receiver, outbox, Unpacker(max_frame), route, batch_bytes=batch_bytes)

    def bounded(self, most: int) -> PeerChannel:
        """Limits the unfinished frames of the other side to ``most`` bytes until something is sent to it, because until
        then its identity is unknown; 0 for no limit. Returns the channel itself."""
        if most:
            self._most_begun, self.unpacker.most_begun = self.unpacker.most_begun, most
        return self

    @property
    def answered(self) -> bool:
        """Whether something was sent to the other side, or it was never limited: see :meth:`bounded`."""
        return not self._most_begun

    def next_message(self) -> bytes | None:
        """Returns the message to send now; None if there is none or the window is full."""
        if self._said_bye:
            return None
        if self._most_begun and self.outbox.frames_waiting:
            self.unpacker.most_begun, self._most_begun = self._most_begun, 0
        if (
            self.outbox.frames_waiting
            and len(self._flying) < WINDOW_MESSAGES
            and self._flying_bytes < self.window_bytes
        ):
            self._owed = self._owed_bytes = 0  # each message carries the acknowledgement, as in `_head`
            lone = self.outbox.take_lone()
            if lone is not None:
                word, piece = lone
                message = _pack_lone(DATA, self._received, 1, word) + piece  # like `pack`, in one step
            else:
                words, pieces = self.outbox.take(self.batch_bytes)
                message = pack(HEAD.pack(DATA, self._received), words, pieces)
            size = len(message)
            self._flying.append(size)
            self._flying_bytes += size
            return message
        if self.closing and not self.outbox.frames_waiting:
            self._said_bye = True
            return goodbye("closed by the other side")
        owes = self._owed >= _OWED or self._owed_bytes * 2 >= self.granted_bytes
        return self._head(ACK) if owes else None

    def acknowledgement(self) -> bytes:
        """Returns an ACK: a message that only acknowledges what has arrived. It also serves as a sign of life."""
        return self._head(ACK)

    def _head(self, kind: int) -> bytes:
        self._owed = self._owed_bytes = 0
        return HEAD.pack(kind, self._received)

    def confirmed(self, count: int) -> None:
        """Applies the count in a message.

        Args:
            count: number of messages that the peer has received so far, as in an ACK.

        Raises:
            ProtocolError: fewer messages than that were sent.
        """
        news = (count - self._confirmed) & WRAP
        if not news:
            return
        if news > len(self._flying):
            raise ProtocolError(f"the peer confirms {news} messages, but {len(self._flying)} were sent")
        while news:
            self._flying_bytes -= self._flying.popleft()
            news -= 1
        self._confirmed = count

    def taken(self, count: int, message: bytes) -> list[bytes]:
        """Handles a DATA message. Returns the frames that it completes.

        Args:
            count: the count in its head: number of messages that the peer has received so far.
            message: its bytes.

        Raises:
            ProtocolError: the message is malformed, or the peer claims more messages than were sent.
        """
        # One more, as nearly always between two sides that wait for each other: inlines `confirmed`.
        if count != self._confirmed:
            if self._flying and count == (self._confirmed + 1) & WRAP:
                self._flying_bytes -= self._flying.popleft()
                self._confirmed = count
            else:
                self.confirmed(count)
        self._received = (self._received + 1) & WRAP
        self._owed += 1
        self._owed_bytes += len(message)
        return self.unpacker.frames(message, HEAD.size)

    @property
    def has_work(self) -> bool:
        """Whether :meth:`next_message` may return a message."""
        waits = self.outbox.frames_waiting > 0 or self.closing
        return waits or self._owed >= _OWED or self._owed_bytes * 2 >= self.granted_bytes

    @property
    def owes(self) -> bool:
        """Whether something arrived that has not been acknowledged."""
        return self._owed > 0

    @property
    def unconfirmed(self) -> int:
        """Number of messages that the other side has not confirmed yet."""
        return len(self._flying)

    @property
    def confirmations(self) -> int:
        """Number of messages that the other side has confirmed; the count wraps around."""
        return self._confirmed
