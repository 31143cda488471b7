"""Deadlines: the task that runs a handler in line is cut at its next await when its time is over.

``asyncio.timeout`` does the same for 7 us; this is the part of it that a wave needs. Nearly all deadlines are
lifted long before they pass. So they share timers, one for each 20 ms, and one that was lifted keeps its place there
for whoever sets the next: it is only looked at when the timer comes, and then gets the place that it needs by then.
That costs a tenth of a timer of its own and does not fill the loop's heap with cancelled ones. They pass up to 20 ms
late, never early.
"""

from __future__ import annotations

import asyncio
import math
from types import TracebackType

__all__ = ["Deadlines"]

_TICKS = 50
"""Shared timers a second."""
_FAR = 0.5
"""Seconds from which on a deadline shares a timer."""
_IDLE = 4096
"""How many that were lifted are kept."""


class Deadlines:
    """The deadlines of one event loop."""

    __slots__ = ("_ticks", "idle", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.idle: list[_Deadline] = []
        self._ticks: dict[int, list[_Deadline]] = {}

    def by(self, when: float) -> _Deadline:
        """``with deadlines.by(when): ...`` cancels the current task at ``when`` (time of the loop). The
        ``CancelledError`` that arrives then ends with the block: what stands behind it runs."""
        task = asyncio.current_task(self.loop)
        if task is None:
            raise RuntimeError("waves are sent from within a task")
        idle = self.idle
        deadline = idle.pop() if idle else _Deadline(self)
        deadline.task = task
        deadline.cancelling = task.cancelling()
        deadline.when = when
        if deadline.looked_at > when:
            self.plan(deadline)
        return deadline

    def plan(self, deadline: _Deadline) -> None:
        """Has it looked at when it passes, at the latest a tick later."""
        when = deadline.when
        if when - self.loop.time() < _FAR:
            deadline.own = self.loop.call_at(when, deadline.pass_)
            return
        tick = math.ceil(when * _TICKS)
        deadline.looked_at = tick / _TICKS
        together = self._ticks.get(tick)
        if together is None:
            together = self._ticks[tick] = []
            self.loop.call_at(deadline.looked_at, self._look, tick)
        together.append(deadline)

    def _look(self, tick: int) -> None:
        now = tick / _TICKS
        for deadline in self._ticks.pop(tick):
            if deadline.looked_at != now:
                continue  # it was planned for an earlier time since
            deadline.looked_at = math.inf
            if deadline.when <= now:
                deadline.pass_()
            elif deadline.when != math.inf:
                self.plan(deadline)


class _Deadline:
    """One deadline, again and again that of another wave.

    Attributes:
        when: it passes; infinite while nobody has set it.
        looked_at: when the timer that it shares comes; infinite when it has a place at none.
        own: a timer that it does not share, because it passes soon.
        cancelling: how often the task had been cancelled before.
    """

    __slots__ = ("_all", "cancelling", "looked_at", "own", "passed", "task", "when")

    def __init__(self, deadlines: Deadlines) -> None:
        self._all = deadlines
        self.task: asyncio.Task[object] | None = None
        self.cancelling = 0
        self.when = self.looked_at = math.inf
        self.own: asyncio.TimerHandle | None = None
        self.passed = False

    def pass_(self) -> None:
        """Cuts the task."""
        self.passed = True
        if self.task is not None:
            self.task.cancel()

    def __enter__(self) -> None:
        """It was set when it was made."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        task, self.task, self.when = self.task, None, math.inf
        if self.own is not None:
            self.own.cancel()
            self.own = None
        if not self.passed:
            idle = self._all.idle
            if len(idle) < _IDLE:
                idle.append(self)
            return False
        # somebody else may have cancelled the task too: then that goes on
        return task is not None and task.uncancel() <= self.cancelling and kind is asyncio.CancelledError
