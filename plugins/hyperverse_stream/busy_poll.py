"""BusyPoll: looks for the next message for a moment before the event loop sleeps."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final

__all__ = ["BusyPoll"]

_OTHERS_RAN: Final = 20e-6
"""Seconds. A core that was offered to others comes back in less than that, unless another process has used it: perhaps
the very one whose answer is expected, which cannot run while this one polls."""
_FULL: Final = 64
_MISS: Final = 16
"""A hit saves a few tens of microseconds, and a miss costs up to the whole window: one miss weighs as many hits."""
_FIRST_REST: Final = 16
_LONGEST_REST: Final = 4096
"""How many sends pass without polling after it did not pay: few at first, twice as many each time."""


class BusyPoll:
    """Keeps the event loop awake for a moment after something was sent, because the answer may come soon.

    A process that sleeps when its answer arrives must be woken, which takes longer than all the work of a Ping where
    the other process runs on another core. Meanwhile nothing is missed: the loop turns as usual, and its core is
    offered to other processes in each turn.

    It stops by itself where it does not pay: for answers that take longer than the window, and where other processes
    use the same core.

    Args:
        loop: the event loop.
        seconds: the window; 0 never polls.
        clock: the time in seconds.
        offer_core: lets other processes use this core, and other threads of this process run.

    Attributes:
        arrived: how often something has arrived; counted by the owner.
    """

    __slots__ = (
        "_clock",
        "_credit",
        "_loop",
        "_mark",
        "_next_rest",
        "_offer_core",
        "_polls",
        "_rest",
        "_until",
        "_window",
        "arrived",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        *,
        clock: Callable[[], float] = time.perf_counter,
        offer_core: Callable[[], None] = os.sched_yield,
    ) -> None:
        self.arrived = 0
        self._loop = loop
        self._clock = clock
        self._offer_core = offer_core
        self._window = seconds if _cores() > 1 else 0.0
        self._until = 0.0
        self._mark = 0
        self._polls = False
        self._credit = 0
        self._rest = 0
        self._next_rest = _FIRST_REST

    def begin(self) -> None:
        """Something was sent: polls for the answer."""
        if self._rest:
            self._rest -= 1
        elif self._window and not self._polls:  # one that sends and sends gets no longer windows
            self._until = self._clock() + self._window
            self._mark = self.arrived
            self._polls = True
            self._loop.call_soon(self._look)

    def end(self) -> None:
        """Never polls again."""
        self._window = self._until = 0.0

    def _look(self) -> None:
        now = self._clock()
        if now < self._until:
            if self.arrived != self._mark:
                self._polls = False
                self._hit()
                return
            self._offer_core()
            if self._clock() - now < _OTHERS_RAN:
                self._loop.call_soon(self._look)
                return
        self._polls = False
        self._missed()

    def _hit(self) -> None:
        if self._credit < _FULL:
            self._credit += 1
            if self._credit == _FULL:
                self._next_rest = _FIRST_REST

    def _missed(self) -> None:
        self._credit -= _MISS
        if self._credit < 0:
            self._credit = 0
            self._rest = self._next_rest
            self._next_rest = min(2 * self._next_rest, _LONGEST_REST)


def _cores() -> int:
    """Returns the number of cores that this process may use: on a single one, the other side cannot run meanwhile."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1
