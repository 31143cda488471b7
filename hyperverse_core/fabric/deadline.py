"""Deadlines: the task that runs a handler in line is cut at its next await when its time is over.

``asyncio.timeout`` does the same for 7 us; this is the part of it that a wave needs. Nearly all deadlines are
lifted long before they pass, so those that are far away share timers: a set for each 20 ms, which costs a fifth of
a timer of their own and does not fill the loop's heap with cancelled ones. They pass up to 20 ms late, never early.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType
from weakref import WeakKeyDictionary, ref

__all__ = ["Deadline"]

_TICKS = 50
"""Shared timers a second."""
_FAR = 0.5
"""Seconds from which on a deadline shares a timer."""


class _Wheel:
    """The shared timers of one event loop, which it does not keep alive."""

    __slots__ = ("_ticks",)

    def __init__(self) -> None:
        self._ticks: dict[int, set[Deadline]] = {}

    def at(self, loop: asyncio.AbstractEventLoop, when: float) -> set[Deadline]:
        """The deadlines that pass together with one at ``when``."""
        tick = math.ceil(when * _TICKS)
        together = self._ticks.get(tick)
        if together is None:
            together = self._ticks[tick] = set()
            loop.call_at(tick / _TICKS, self._pass, tick)
        return together

    def _pass(self, tick: int) -> None:
        for deadline in self._ticks.pop(tick):
            deadline._fire()


_wheels: WeakKeyDictionary[asyncio.AbstractEventLoop, _Wheel] = WeakKeyDictionary()
_newest: tuple[Callable[[], asyncio.AbstractEventLoop | None], _Wheel] = (lambda: None, _Wheel())


def _wheel_of(loop: asyncio.AbstractEventLoop) -> _Wheel:
    """The timers of ``loop``; nearly always those that were asked for last."""
    global _newest
    if _newest[0]() is not loop:
        _newest = (ref(loop), _wheels.setdefault(loop, _Wheel()))
    return _newest[1]


class Deadline:
    """``with Deadline(loop, when) as limit:`` cancels the current task at ``when`` (time of the loop). The
    ``CancelledError`` that arrives then ends here, and ``limit.passed`` is True behind the block."""

    __slots__ = ("_cancelling", "_fired", "_handle", "_task", "_together", "passed")

    def __init__(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("waves are sent from within a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._fired = False
        self.passed = False
        self._together: set[Deadline] | None = None
        self._handle: asyncio.TimerHandle | None = None
        if when - loop.time() < _FAR:
            self._handle = loop.call_at(when, self._fire)
        elif when != math.inf:
            self._together = _wheel_of(loop).at(loop, when)
            self._together.add(self)

    def _fire(self) -> None:
        self._fired = True
        self._task.cancel()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._fired:
            if self._together is not None:
                self._together.discard(self)
            elif self._handle is not None:
                self._handle.cancel()
            return False
        # somebody else may have cancelled the task too: then that goes on
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            self.passed = True
            return True
        return False
