"""GuardedTransport: one end of a connection, which loses no answer and never waits for the other end."""

from __future__ import annotations

import asyncio
from typing import Any, Final

__all__ = ["GuardedTransport"]

_LINGER: Final = 1.0
"""Seconds for which what still arrives is dropped after the last answer. Closing at once would make the system reset
the connection, and the answer would be lost with it."""
_LOOK: Final = 10.0
"""Seconds between two looks at whether the reader reads."""
_LEAST: Final = 10 * 1024
"""Bytes that a reader takes between two looks, as long as there are so many."""


class GuardedTransport:
    """A transport of asyncio that ends also when its reader does not read, and lets the last answer arrive.

    Args:
        transport: the connection.
        loop: runs it.

    Attributes:
        lingers: whether the last answer was sent, and what arrives is dropped.
        unread: whether a request is not read to its end, so that closing would lose the answer.
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
        """Sends it. After the last answer it sends nothing: the request was refused while somebody was still answering
        it."""
        if not self.lingers:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Closes it when what was sent has left. What is not read to its end is dropped for a second before that."""
        if self.lingers:
            return
        self.watch()
        if self.unread:
            self.linger()
        else:
            self._transport.close()

    def linger(self) -> None:
        """Sends no more, and closes after a second, or when the other side does."""
        if self.is_closing():
            return
        self.lingers = True
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._end = self._loop.call_later(_LINGER, self._transport.close)
        self.watch()

    def watch(self) -> None:
        """Begins to look whether the reader takes what was sent. It ends the connection of one that does not."""
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
        """The connection has ended."""
        for timer in (self._look, self._end):
            if timer is not None:
                timer.cancel()
        self._look = self._end = None
