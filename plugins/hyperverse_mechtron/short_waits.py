"""Decides when a machine waits briefly for a worker process in its own thread, instead of via its event loop."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from time import monotonic_ns
from typing import Final

__all__ = ["Callers", "Lookout", "Retries", "ShortWaits", "usable_cores"]

_LONGEST: Final = 1
"""Longest such wait in milliseconds: the first time slice of a guest in this process."""
_LOOKS: Final = 60_000
"""Nanoseconds for which the machine looks again and again before it sleeps. A quick guest answers within them. To be
put to sleep and woken takes longer than that on virtual machines, for this process and for the one that wakes it."""
_LATE_LOOKS: Final = 3
"""Such looks in a row that may find nothing. One alone only says that something else ran for a moment."""
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


class Retries:
    """Decides whether something that fails at times is worth another try. The more tries in a row have failed, the more
    occasions pass without one.

    Args:
        allowed: how many tries in a row may fail before occasions pass without one.
    """

    __slots__ = ("_allowed", "_failed", "_pause", "_without")

    def __init__(self, allowed: int = 0) -> None:
        self._allowed = allowed
        self._failed = self._without = 0
        self._pause = _PAUSE

    def worth_it(self) -> bool:
        """Returns whether to try on this occasion."""
        if self._without:
            self._without -= 1
            return False
        return True

    def tried(self, *, well: bool) -> None:
        """Records the end of a try.

        Args:
            well: whether it has succeeded.
        """
        if well:
            self._failed, self._pause = 0, _PAUSE
            return
        self._failed += 1
        if self._failed <= self._allowed:
            return
        self._without = self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


class ShortWaits:
    """Decides for one guest whether its next answer is worth waiting for.

    Args:
        callers: the callers of all guests of the machine.

    After a wait without an answer, because the guest now takes longer or the computer is busy, some calls are made
    without a wait.
    """

    __slots__ = ("_callers", "_quick", "_retries")

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._quick = False
        self._retries = Retries()

    def worth_it(self) -> bool:
        """Returns whether to wait for the answer to the current call."""
        again = self._callers.again()
        return self._retries.worth_it() and self._quick and again

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
        self._retries.tried(well=answered)


class Lookout:
    """Waits briefly for what arrives on a socket.

    Args:
        end: the socket.
        cores: number of cores that this process may use. On a single one, whoever looks keeps the other side from
            answering.
    """

    __slots__ = ("_looks", "_poll", "_retries")

    def __init__(self, end: socket.socket, cores: int) -> None:
        readable = select.poll()
        readable.register(end, select.POLLIN)
        self._poll = readable.poll
        self._looks = cores > 1
        self._retries = Retries(_LATE_LOOKS)

    def soon(self) -> bool:
        """Returns whether something has arrived within a moment.

        At first this thread looks again and again, which takes the least time when the other process has a core of its
        own. When nothing came several times, other programs use the cores: then the next calls let it sleep at once.
        """
        poll = self._poll
        if self._looks and self._retries.worth_it():
            end = monotonic_ns() + _LOOKS
            while monotonic_ns() < end:
                if poll(0):
                    self._retries.tried(well=True)
                    return True
            self._retries.tried(well=False)
        return bool(poll(_LONGEST))


def usable_cores() -> int:
    """Returns how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1
