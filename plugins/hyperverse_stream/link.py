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
"""Seconds that the last message of a connection may take to be sent."""
LARGEST_GREETING: Final = 1024
"""Largest message, in bytes, from a peer that has not proven a key yet."""
_LARGEST: Final = messages.LARGEST_MESSAGE + 64  # plus what encryption adds
_BUFFERED: Final = 512 * 1024
"""Bytes that the event loop buffers for a connection that is slower than we are. Everything else waits in the outbox,
where priorities still count."""


class StreamLink(Framed):
    """What both sides of a connection have in common.

    Until the keys are proven, ``_expect`` takes the next message of the handshake. Then the link belongs to a channel,
    and the pump takes its messages: see :meth:`carry`.

    Args:
        pump: moves the messages of the channel.
        encrypted: whether messages after the handshake are encrypted too. Over a Unix socket they are not: the bytes
            stay on this computer, between two processes of one user.

    Attributes:
        channel: the channel that it carries; None before both sides are proven.
        send: sends a message of the channel.
        process: the process at the other end.
        age: seconds since it began, and ``silent`` since something was received, as the ticks of the transport count
            them.
        waited_for: whether it was logged that the other side is silent and that we wait for it.
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
        self._stream = stream = cast(asyncio.Transport, transport)  # uvloop's has the same methods
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
        """Accepts a larger message: a peer that was limited until something was sent to it may send more from then
        on."""
        if self.channel is not None and self.channel.answered:
            self._largest = _LARGEST
        return size <= self._largest

    # -- what differs between the sides -------------------------------------------------------------------

    @abc.abstractmethod
    def _begin(self) -> None:
        """Called when the connection is established."""

    @abc.abstractmethod
    def _lost(self) -> None:
        """Called when the connection ends before the keys are proven."""

    # -- in common ----------------------------------------------------------------------------------------

    def _greeting(self, message: bytes) -> None:
        try:
            self._expect(message)
        except NotProven as exc:
            self.fault(str(exc))

    def proven(self, seal: Cipher, opens: Cipher) -> None:
        """Both keys are proven: from now on messages may be as large as those of a channel, and are encrypted over
        TCP."""
        self._largest = _LARGEST
        if self._encrypted:
            self._open = opens
            self.send = lambda message: self.put(seal.seal(message))

    def carry(self, channel: PeerChannel) -> None:
        """Gives all further messages to a channel. Every wave passes here, so nothing is looked up any more."""
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
        """Ends the connection once pending data is sent, or after a second. May be called twice."""
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
