"""StreamLink: one connection, from the first byte of its handshake to its end."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from hyperverse_core.transport import Cipher, NotProven, PeerChannel, messages

from .framed import Framed
from .peer_process import UNKNOWN, PeerProcess

if TYPE_CHECKING:
    from .pump import StreamPump

__all__ = ["LARGEST_GREETING", "LINGER", "StreamLink"]

LINGER: Final = 1.0
"""Seconds that the last message of a connection may take to leave."""
LARGEST_GREETING: Final = 1024
"""Bytes of a message of somebody who has not proven a key yet."""
_LARGEST: Final = messages.LARGEST_MESSAGE + 64  # with what encryption adds
_BUFFERED: Final = 512 * 1024
"""Bytes that the event loop keeps for a connection that is slower than we are. Whatever else waits does so in the
outbox, where priorities still count."""


class StreamLink(Framed):
    """What the two sides of a connection have in common.

    Until the keys are proven, ``_expect`` takes the next message of the handshake. Then the link belongs to a channel,
    and the pump takes its messages: see :meth:`carry`.

    Args:
        pump: moves the messages of the channel.
        encrypted: whether what follows the handshake is encrypted too. Over a Unix socket it is not: the bytes stay in
            this computer, between two processes of one user.

    Attributes:
        channel: what it carries; None before both sides are proven.
        send: sends a message of the channel.
        process: who is at the other end.
        age: seconds since it began, and ``silent`` since something was heard, as the ticks of the transport count them.
        waited_for: whether it was said that the other side is silent, and that it is waited for.
    """

    def __init__(self, pump: StreamPump, *, encrypted: bool) -> None:
        super().__init__(LARGEST_GREETING, pump.buffer)
        self.take = self._greeting
        self.rested = pump.rested
        self.send = self.put
        self.channel: PeerChannel | None = None
        self.process = UNKNOWN
        self.age = self.silent = 0.0
        self.waited_for = False
        self.closed = False
        self._pump = pump
        self._encrypted = encrypted
        self._expect: Callable[[bytes], None]
        self._open: Cipher | None = None

    # -- what the event loop calls ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = stream = cast(asyncio.Transport, transport)  # that of uvloop has the same methods
        if self._pump.ended:
            self.abort()
            return
        self.process = PeerProcess.of(stream)
        stream.set_write_buffer_limits(high=_BUFFERED)
        self._pump.links.add(self)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream = None
        self.closed = True
        self._pump.links.discard(self)
        if self.channel is not None:
            self._pump.end(self.channel, "the connection is lost")
        else:
            self._lost()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.channel is not None:
            self._pump.wake(self.channel)

    def _takes(self, size: int) -> bool:
        """A peer that was bounded until something was sent to it may send more from then on."""
        if self.channel is not None and self.channel.answered:
            self._largest = _LARGEST
        return size <= self._largest

    # -- what differs between the sides -------------------------------------------------------------------

    @abc.abstractmethod
    def _begin(self) -> None:
        """The connection stands."""

    @abc.abstractmethod
    def _lost(self) -> None:
        """It has ended before the keys were proven."""

    # -- in common ----------------------------------------------------------------------------------------

    def _greeting(self, message: bytes) -> None:
        try:
            self._expect(message)
        except NotProven as exc:
            self.fault(str(exc))

    def proven(self, seal: Cipher, opens: Cipher) -> None:
        """Both keys are proven: from here on, messages are as large as those of a channel, and encrypted over TCP."""
        self._largest = _LARGEST
        if self._encrypted:
            self._open = opens
            self.send = lambda message: self.put(seal.seal(message))

    def carry(self, channel: PeerChannel) -> None:
        """What comes from now on is of a channel. Every wave comes by here, so nothing is looked up any more."""
        deliver = partial(self._pump.handle, channel)
        self.take = deliver if self._open is None else partial(self._unseal, self._open, deliver)

    def _unseal(self, opens: Cipher, deliver: Callable[[bytes], None], message: bytes) -> None:
        try:
            message = opens.open(message)
        except NotProven as exc:
            self.fault(str(exc))
            return
        deliver(message)

    def fault(self, what: str) -> None:
        if self.channel is not None:
            self._pump.end(self.channel, f"it broke the protocol: {what}")
        self.close()

    def close(self) -> None:
        """Ends the connection when what was sent has left, or a second later. May be called twice."""
        stream = self._stream
        if self.closed or stream is None:
            return
        self.closed = True
        self._pump.links.discard(self)
        self._stream = None  # nothing more is read or sent
        stream.close()
        if stream.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LINGER, stream.abort)

    def abort(self) -> None:
        """Ends the connection at once. May be called twice."""
        stream, self._stream = self._stream, None
        self.closed = True
        self._pump.links.discard(self)
        if stream is not None:
            stream.abort()
