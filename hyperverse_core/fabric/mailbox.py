"""Turns: one wave at a time for a particle, in the order of arrival."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from ..errors import Unavailable

__all__ = ["Mailbox"]

_Entry: TypeAlias = "asyncio.Future[None] | Callable[[], None]"


class Mailbox:
    """Who has the turn, and who waits for it.

    A Ping waits as a future; a Signal, whose sender does not wait, as a function that is called when its turn has
    come and that then owns it.
    """

    __slots__ = ("_limit", "_waiting", "busy")

    def __init__(self, limit: int) -> None:
        self.busy = False
        self._waiting: deque[_Entry] | None = None  # most mailboxes never need one
        self._limit = limit

    def __len__(self) -> int:
        return len(self._waiting) if self._waiting else 0

    def _queue(self) -> deque[_Entry]:
        if self._waiting is None:
            self._waiting = deque()
        elif len(self._waiting) >= self._limit:
            raise Unavailable(f"{self._limit} waves wait for this particle", retry_after=0.1)
        return self._waiting

    async def turn(self) -> None:
        """Returns when the turn is the caller's. Raises Unavailable when too many wait."""
        queue = self._queue()
        future = asyncio.get_running_loop().create_future()
        queue.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                with contextlib.suppress(ValueError):  # who has gone must not count as one who waits
                    queue.remove(future)
            else:
                self.leave()  # the turn was given to us while we were being cancelled
            raise

    def post(self, begin: Callable[[], None]) -> None:
        """Calls ``begin`` when the turn has come, at once if it is free. Raises Unavailable when too many wait, and
        what ``begin`` raises when it is called at once; the turn is not taken then."""
        if self.busy:
            self._queue().append(begin)
        else:
            begin()
            self.busy = True

    def leave(self) -> None:
        """Gives the turn to the next one, or back."""
        queue = self._waiting
        while queue:
            entry = queue.popleft()
            if not isinstance(entry, asyncio.Future):
                try:
                    entry()
                except Unavailable:
                    continue  # nobody runs it any more: the machine has stopped
                return
            if not entry.done():
                entry.set_result(None)
                return
        self.busy = False
        self._waiting = None
