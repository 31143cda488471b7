"""Turns: a particle handles one wave at a time, the most urgent first, then in order of arrival."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

from ...errors import Unavailable
from ...scheduling.priority_queue import ORDINARY, PriorityQueue

__all__ = ["Mailbox", "Posted"]

Posted: TypeAlias = tuple[Any, ...]
"""A function and its arguments."""
_Entry: TypeAlias = "asyncio.Future[None] | Posted"


class Mailbox:
    """Holds the turn of a particle: whether it is taken, and the waves that wait for it.

    A Ping waits as a future. A Signal, whose sender does not wait, is posted: a function with its arguments, which is
    called when its turn has come, and then owns the turn.

    Args:
        limit: how many may wait.

    Attributes:
        busy: whether the turn is taken.
        waiting: the waves that wait for it; None if there are none, and whenever the turn is free.
        limit: how many may wait.
    """

    __slots__ = ("busy", "limit", "waiting")

    def __init__(self, limit: int) -> None:
        self.busy = False
        self.waiting: PriorityQueue[_Entry] | None = None  # most mailboxes never need one
        self.limit = limit

    def __len__(self) -> int:
        return len(self.waiting) if self.waiting else 0

    def _queue(self) -> PriorityQueue[_Entry]:
        if self.waiting is None:
            self.waiting = PriorityQueue()
        elif len(self.waiting) >= self.limit:
            raise Unavailable(f"{self.limit} waves wait for this particle", retry_after=0.1)
        return self.waiting

    async def turn(self, priority: int = ORDINARY) -> None:
        """Returns when the caller has the turn. Raises Unavailable if too many waves wait."""
        queue = self._queue()
        future = asyncio.get_running_loop().create_future()
        queue.put(future, priority)
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                queue.leave(future, priority)  # a cancelled wave must not count as waiting
            else:
                self.leave()  # this wave got the turn while it was being cancelled
            raise

    def post(self, posted: Posted, priority: int = ORDINARY) -> None:
        """Calls the function in ``posted`` with its arguments when the turn has come, or immediately if the turn is
        free. Raises Unavailable if too many waves wait, and any error of an immediate call, in which case the turn is
        not taken."""
        if self.busy:
            queue = self.waiting
            if queue is None or len(queue) >= self.limit:
                queue = self._queue()
            if queue.ranks is None and priority == ORDINARY:
                queue.append(posted)  # inlines `put`
            else:
                queue.put(posted, priority)
        else:
            posted[0](*posted[1:])
            self.busy = True

    def leave(self) -> None:
        """Gives the turn to the next wave, or frees it."""
        queue = self.waiting
        while queue:
            entry = queue.take()
            if type(entry) is tuple:
                try:
                    entry[0](*entry[1:])
                except Unavailable:
                    continue  # nothing runs it any more, because the machine has stopped
                return
            if not entry.done():  # type: ignore[union-attr]  # it is a future
                entry.set_result(None)  # type: ignore[union-attr]
                return
        self.busy = False
        self.waiting = None
