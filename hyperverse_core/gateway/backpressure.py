"""Backpressure: delays a client's waves while the client does not accept its replies.

Otherwise a client that requests much and reads slowly would fill the machine's memory with replies.
"""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Backpressure"]


class Backpressure:
    """Tracks whether there is room for another reply. Waves that wait for room continue in order, one at a time."""

    __slots__ = ("_loop", "_stuck", "_waiting", "_waking")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stuck = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waking = False

    @property
    def free(self) -> bool:
        """Whether a wave can start without waiting."""
        return not (self._stuck or self._waiting or self._waking)

    def stuck(self) -> None:
        """Notes that a reply could not be sent at once."""
        self._stuck += 1

    def unstuck(self) -> None:
        """Notes that such a reply was sent or dropped."""
        self._stuck -= 1
        if not self._waking:
            self._wake_next()

    async def turn(self) -> None:
        """Returns when there is room. Await it unless :attr:`free` is true."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future.done() and not future.cancelled():
                self._loop.call_soon(self._wake_next)  # after everything that this wave sends immediately

    def _wake_next(self) -> None:
        self._waking = False
        while self._waiting and not self._stuck:
            future = self._waiting.popleft()
            if not future.done():
                self._waking = True
                future.set_result(None)
                return
