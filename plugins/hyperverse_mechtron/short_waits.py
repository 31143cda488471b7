"""When a machine waits for a worker process in its own thread, for a moment, instead of going round its event loop."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["LONGEST", "Callers", "ShortWaits"]

LONGEST: Final = 1
"""Milliseconds of such a wait at most: as much as the first slice of a guest in this process has."""
_QUICK: Final = 100_000
"""Nanoseconds within which a guest is quick. To wait for it takes no longer than to go round the event loop, which was
measured as 20 microseconds more for each call; a slower one runs beside the machine on another core."""
_PAUSE, _LONGEST_PAUSE = 16, 4096


class Callers:
    """Which task has called a guest last. Tasks that call in turn want their guests to run beside one another, so only
    a task that has called last waits in this thread."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0  # by its identity: to hold it would hold what it has returned

    def again(self) -> bool:
        """Whether the present task has called last. It is remembered."""
        before, self._last = self._last, id(asyncio.current_task())
        return before == self._last


class ShortWaits:
    """What is known of one guest: whether its next answer is worth waiting for.

    Args:
        callers: of all guests of the machine.

    A wait without an answer, because the guest takes longer now or the computer is busy, is followed by some calls
    without a wait: the more, the more waits in a row had no answer.
    """

    __slots__ = ("_callers", "_pause", "_quick", "_without")

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._quick = False
        self._without = 0
        self._pause = _PAUSE

    def worth_it(self) -> bool:
        """Whether to wait for the answer to the call that is made now."""
        again = self._callers.again()
        if self._without:
            self._without -= 1
            return False
        return self._quick and again

    def answered(self, nanoseconds: int) -> None:
        """A call has ended.

        Args:
            nanoseconds: that the guest had, as its process says.
        """
        self._quick = nanoseconds <= _QUICK

    def waited(self, *, answered: bool) -> None:
        """Such a wait has ended.

        Args:
            answered: whether the answer has come.
        """
        if answered:
            self._pause = _PAUSE
            return
        self._without = self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
