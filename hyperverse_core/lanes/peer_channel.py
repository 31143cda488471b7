"""PeerChannel: what one end of a connection knows, and what it sends next. It does no input or output."""

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
"""How many DATA messages may be on the way to a peer. Both sides must use the same number."""

WINDOW_BYTES = 4 * 1024 * 1024
"""How many bytes of DATA messages may be on the way to a peer, unless the two sides agree on less."""

_pack_lone = LONE.pack
_OWED = WINDOW_MESSAGES // 2
"""When so much has arrived that the other side has not been told of, it needs to hear soon."""


@attrs.define(eq=False)
class PeerChannel:
    """One end of a connection over a network that keeps messages in order.

    Window: the other side counts the DATA messages that it has handled, and says so in every message that it sends. No
    more than a window of them is ever on the way, so the memory of both sides is bounded whatever the network
    buffers, and a receiver that is slow does not stop the network from carrying heartbeats.

    Acknowledgement: a side that has nothing to send says an ACK when half a window has arrived.

    Goodbye: the side that ends the connection sends what waits, then a BYE; the other answers GONE when it has handled
    everything.

    A :class:`ChannelPump` moves the messages. Made by :meth:`make`.

    Attributes:
        peer: the other side.
        receiver: gets the frames of the other side.
        outbox: frames that wait to be sent.
        unpacker: turns DATA messages into frames.
        route: how the pump reaches the other side, such as a routing id or a subject. Only the pump looks at it.
        unsent: a message that the network did not take yet.
        awake: whether the pump looks at this channel at the end of this turn of the loop.
        gone: whether it has ended, and everybody who has to know has been told.
        closing: whether we have ended it: nothing is taken or delivered any more.
        ended: set when it has ended; None while nobody waits for that.
        batch_bytes: how many bytes of frames are gathered into one message.
        window_bytes: how many bytes of DATA messages may be on the way to the other side.
        granted_bytes: how many the other side may have on the way to this one.
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
    _owed: int = 0  # received, and not yet told
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
            route: see the attribute.
            piece_bytes: the largest piece of a frame in one message, in bytes.
            batch_bytes: how many bytes of frames are gathered into one message.
        """
        outbox = Outbox(max_frames=queue_frames, max_bytes=queue_bytes, piece=piece_bytes)
        return cls(peer, receiver, outbox, Unpacker(max_frame), route, batch_bytes=batch_bytes)

    def bounded(self, most: int) -> PeerChannel:
        """The other side may be anybody until something is sent to it: so long, it may not have more than ``most``
        bytes of frames unfinished here; 0 for no such bound. Returns the channel itself."""
        if most:
            self._most_begun, self.unpacker.most_begun = self.unpacker.most_begun, most
        return self

    @property
    def answered(self) -> bool:
        """Whether something was sent to the other side, or it was never bounded: see :meth:`bounded`."""
        return not self._most_begun

    def next_message(self) -> bytes | None:
        """Returns what to send now, None when there is nothing or the window is full."""
        if self._said_bye:
            return None
        if self._most_begun and self.outbox.frames_waiting:
            self.unpacker.most_begun, self._most_begun = self._most_begun, 0
        if (
            self.outbox.frames_waiting
            and len(self._flying) < WINDOW_MESSAGES
            and self._flying_bytes < self.window_bytes
        ):
            self._owed = self._owed_bytes = 0  # each message says what has arrived, as `_head` does
            lone = self.outbox.take_lone()
            if lone is not None:
                word, piece = lone
                message = _pack_lone(DATA, self._received, 1, word) + piece  # as `pack` does, in one step
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
        """Returns an ACK: a message that says only what has arrived. It also serves as a sign of life."""
        return self._head(ACK)

    def _head(self, kind: int) -> bytes:
        self._owed = self._owed_bytes = 0
        return HEAD.pack(kind, self._received)

    def confirmed(self, count: int) -> None:
        """Takes the count of a message.

        Args:
            count: how many messages the peer has received so far, as an ACK says.

        Raises:
            ProtocolError: fewer messages were sent.
        """
        news = (count - self._confirmed) & WRAP
        if not news:
            return
        if news > len(self._flying):
            raise ProtocolError(f"the peer confirms {news} messages, {len(self._flying)} were sent")
        while news:
            self._flying_bytes -= self._flying.popleft()
            news -= 1
        self._confirmed = count

    def taken(self, count: int, message: bytes) -> list[bytes]:
        """Takes a DATA message. Returns the frames that are complete with it.

        Args:
            count: of its head: how many messages the peer has received so far.
            message: its bytes.

        Raises:
            ProtocolError: it is malformed, or fewer messages were sent than the peer has received.
        """
        # One more, as nearly always between those who wait for each other: as `confirmed` does, without the call.
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
        """Whether :meth:`next_message` may have something."""
        waits = self.outbox.frames_waiting > 0 or self.closing
        return waits or self._owed >= _OWED or self._owed_bytes * 2 >= self.granted_bytes

    @property
    def owes(self) -> bool:
        """Whether something has arrived that the other side has not been told of."""
        return self._owed > 0

    @property
    def unconfirmed(self) -> int:
        """How many messages the other side has not confirmed yet."""
        return len(self._flying)

    @property
    def confirmations(self) -> int:
        """How many messages it has confirmed; the count wraps around."""
        return self._confirmed
