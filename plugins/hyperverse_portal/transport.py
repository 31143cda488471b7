"""GuardedTransport: one end of a connection. It loses no answer, and never waits endlessly for the other end."""

from __future__ import annotations

import asyncio
from typing import Any, Final

__all__ = ["GuardedTransport"]

_LINGER: Final = 1.0
"""Seconds after the last answer for which incoming bytes are dropped. If the connection were closed at once, the system
would reset it and the answer would be lost."""
_LOOK: Final = 10.0
"""Seconds between two checks that the client reads."""
_LEAST: Final = 10 * 1024
"""Number of bytes that a client must read between two checks, if that many are waiting."""


class GuardedTransport:
    """An asyncio transport that also ends when its client stops reading, and that ensures that the last answer arrives.

    Args:
        transport: the connection.
        loop: the event loop.

    Attributes:
        lingers: whether the last answer has been sent, so that incoming bytes are dropped.
        unread: whether a request has not been read to its end, so that closing would lose the answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._left = 0
        self._look: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self.lingers = False
        self.unread = False
        self.abort = transport.abort

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Sends bytes. After the last answer it sends nothing, because the request was refused while it was still being
        answered."""
        if not self.lingers:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Closes the connection after everything has been sent. If a request is unread, it first drops incoming bytes
        for a second."""
        if self.lingers:
            return
        self.watch()
        if self.unread:
            self.linger()
        else:
            self._transport.close()

    def linger(self) -> None:
        """Sends nothing more, and closes after a second, or when the other side closes."""
        if self.is_closing():
            return
        self.lingers = True
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._end = self._loop.call_later(_LINGER, self._transport.close)
        self.watch()

    def watch(self) -> None:
        """Starts to check that the client reads what was sent, and ends the connection if it does not."""
        if self._look is None:
            self._left = self._transport.get_write_buffer_size()
            self._look = self._loop.call_later(_LOOK, self._check)

    def _check(self) -> None:
        self._look = None
        left = self._transport.get_write_buffer_size()
        if left and left > self._left - _LEAST:
            self._transport.abort()
        elif left:
            self.watch()

    def lost(self) -> None:
        """Called when the connection has ended."""
        for timer in (self._look, self._end):
            if timer is not None:
                timer.cancel()
        self._look = self._end = None
