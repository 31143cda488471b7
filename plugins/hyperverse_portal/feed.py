"""Feed: the queue of messages for the reader of one stream, bounded in number and in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final

__all__ = ["Feed"]

_MOST: Final = 1000
"""Greatest number of messages that may wait for a slow reader. One more ends the stream."""
_MOST_BYTES: Final = 1024 * 1024
"""Greatest number of bytes of these messages together."""
_SENDING: Final = 10.0
"""Seconds that the reader may take to read a message."""


class Feed:
    """Messages for one reader.

    Attributes:
        end: why no more messages arrive; empty while the stream is open.
    """

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._sending: asyncio.Timeout | None = None
        self.end = ""

    def put(self, message: bytes) -> None:
        """Queues a message for the reader. If the queue is full, the reader is too slow and its stream ends."""
        if self.end:
            return
        if len(self._waiting) >= _MOST or (self._bytes + len(message) > _MOST_BYTES and self._waiting):
            self._waiting.clear()
            self._bytes = 0
            self.close("you read more slowly than changes arrive")
            if self._sending is not None:  # the reader has stopped reading
                self._sending.reschedule(asyncio.get_running_loop().time())
            return
        self._waiting.append(message)
        self._bytes += len(message)
        self._news.set()

    def close(self, reason: str) -> None:
        """Ends the stream, because the token is no longer valid or the machine stops."""
        self.end = self.end or reason or "the session has ended"
        self._news.set()

    async def take(self, seconds: float) -> bytes | None:
        """Returns the next message; empty if none arrives in that time, None at the end."""
        if not self._waiting and not self.end:
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return b""
        if self.end or not self._waiting:
            return None
        message = self._waiting.popleft()
        self._bytes -= len(message)
        return message

    async def sent(self, sending: Awaitable[None]) -> None:
        """Waits until the reader has accepted a message. Raises TimeoutError if that takes too long or the queue
        overflows meanwhile."""
        try:
            async with asyncio.timeout(_SENDING) as self._sending:
                await sending
        finally:
            self._sending = None
