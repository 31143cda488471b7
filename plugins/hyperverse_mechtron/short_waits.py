"""Decides when a machine waits briefly for a worker process in its own thread, instead of via its event loop."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["LONGEST", "Callers", "ShortWaits"]

LONGEST: Final = 1
"""Longest such wait in milliseconds: the first time slice of a guest in this process."""
_QUICK: Final = 100_000
"""A guest that answers within this many nanoseconds is quick. Waiting for it takes no longer than a turn of the event
loop, which was measured to add 20 microseconds to each call; a slower guest runs in parallel on another core."""
_PAUSE, _LONGEST_PAUSE = 16, 4096


class Callers:
    """Which task called a guest last. Tasks that take turns want their guests to run in parallel, so only a task that
    also made the previous call waits in this thread."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0  # its id: a reference would keep its result alive

    def again(self) -> bool:
        """Returns whether the current task also made the previous call, and remembers the task."""
        before, self._last = self._last, id(asyncio.current_task())
        return before == self._last


class ShortWaits:
    """Decides for one guest whether its next answer is worth waiting for.

    Args:
        callers: the callers of all guests of the machine.

    After a wait without an answer, because the guest now takes longer or the computer is busy, some calls are made
    without a wait: the more waits in a row failed, the more calls.
    """

    __slots__ = ("_callers", "_pause", "_quick", "_without")

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._quick = False
        self._without = 0
        self._pause = _PAUSE

    def worth_it(self) -> bool:
        """Returns whether to wait for the answer to the current call."""
        again = self._callers.again()
        if self._without:
            self._without -= 1
            return False
        return self._quick and again

    def answered(self, nanoseconds: int) -> None:
        """Records the end of a call.

        Args:
            nanoseconds: time that the guest took, as its process reports.
        """
        self._quick = nanoseconds <= _QUICK

    def waited(self, *, answered: bool) -> None:
        """Records the end of such a wait.

        Args:
            answered: whether the answer arrived.
        """
        if answered:
            self._pause = _PAUSE
            return
        self._without = self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
