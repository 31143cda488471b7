"""Feed: what waits for the reader of one stream, bounded in number and in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final

__all__ = ["Feed"]

_MOST: Final = 1000
"""Messages that may wait for a slow reader; with one more its stream ends."""
_MOST_BYTES: Final = 1024 * 1024
"""Bytes of them together."""
_SENDING: Final = 10.0
"""Seconds that the reader may take for what was sent."""


class Feed:
    """Messages for one reader.

    Attributes:
        end: why nothing more comes; empty as long as something may.
    """

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._sending: asyncio.Timeout | None = None
        self.end = ""

    def put(self, message: bytes) -> None:
        """Keeps a message for the reader, who is too slow when there is no room for it: then its stream ends."""
        if self.end:
            return
        if len(self._waiting) >= _MOST or (self._bytes + len(message) > _MOST_BYTES and self._waiting):
            self._waiting.clear()
            self._bytes = 0
            self.close("changes came faster than you read")
            if self._sending is not None:  # the reader has stopped to read
                self._sending.reschedule(asyncio.get_running_loop().time())
            return
        self._waiting.append(message)
        self._bytes += len(message)
        self._news.set()

    def close(self, reason: str) -> None:
        """Nothing more comes: the token does not count any more, or the machine stops."""
        self.end = self.end or reason or "the session has ended"
        self._news.set()

    async def take(self, seconds: float) -> bytes | None:
        """The next message; empty when none has come for so long, None at the end."""
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
        """Waits until the reader has room for what is sent. Raises TimeoutError when it takes too long, or too much
        has come meanwhile."""
        try:
            async with asyncio.timeout(_SENDING) as self._sending:
                await sending
        finally:
            self._sending = None
