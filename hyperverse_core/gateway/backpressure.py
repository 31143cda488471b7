"""Room: keeps a client's waves from being begun while it does not take its replies.

Else a client that asks for much and reads slowly would fill the machine's memory with replies.
"""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Backpressure"]


class Backpressure:
    """Whether there is room for another reply. Those who wait for it go on in turn, one at a time."""

    __slots__ = ("_loop", "_stuck", "_waiting", "_waking")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stuck = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waking = False

    @property
    def free(self) -> bool:
        """Whether nobody has to wait."""
        return not (self._stuck or self._waiting or self._waking)

    def stuck(self) -> None:
        """A reply could not be sent at once."""
        self._stuck += 1

    def unstuck(self) -> None:
        """It was sent now, or given up."""
        self._stuck -= 1
        if not self._waking:
            self._wake_next()

    async def turn(self) -> None:
        """Returns when there is room; to be awaited unless it is free."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future.done() and not future.cancelled():
                self._loop.call_soon(self._wake_next)  # behind whatever this one sends at once

    def _wake_next(self) -> None:
        self._waking = False
        while self._waiting and not self._stuck:
            future = self._waiting.popleft()
            if not future.done():
                self._waking = True
                future.set_result(None)
                return
