"""Deadlines: a task that runs a handler inline is cancelled at its next await once its time is over.

``asyncio.timeout`` does the same in 7 us; this module does only the part that a wave needs. Nearly all deadlines are
lifted long before they pass, so they share timers, one for each 20 ms. A lifted deadline keeps its place at the timer
for the next deadline that is set: it is examined only when the timer fires, and then moves to the place that it needs
at that time. This costs a tenth of a separate timer and does not fill the loop's heap with cancelled timers. Deadlines
pass up to 20 ms late, never early.
"""

from __future__ import annotations

import asyncio
import math
from types import TracebackType

__all__ = ["Deadline", "Deadlines"]

_TICKS = 50
"""Number of shared timers per second."""
_FAR = 0.5
"""Deadlines that are at least this many seconds away share a timer."""
_IDLE = 4096
"""Number of lifted deadlines to keep for reuse."""


class Deadlines:
    """The deadlines of one machine.

    Attributes:
        loop: the event loop.
        idle: lifted deadlines, for reuse.
        ended: whether :meth:`end` was called.
    """

    __slots__ = ("_ticks", "ended", "idle", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ended = False
        self.idle: list[Deadline] = []
        self._ticks: dict[int, list[Deadline]] = {}

    def by(self, when: float) -> Deadline:
        """``with deadlines.by(when): ...`` cancels the current task at ``when`` (time of the event loop). The resulting
        ``CancelledError`` ends at the end of the block: the code after the block runs."""
        task = asyncio.current_task(self.loop)
        if task is None:
            raise RuntimeError("waves are sent from within a task")
        idle = self.idle
        deadline = idle.pop() if idle else Deadline(self)
        deadline.task = task
        deadline.cancelling = task.cancelling()
        deadline.when = when
        if deadline.looked_at > when:
            self.plan(deadline)
        return deadline

    def plan(self, deadline: Deadline) -> None:
        """Schedules an examination of the deadline when it passes, at most one tick later."""
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

    def end(self) -> None:
        """Lets all deadlines pass now, because the machine has stopped; one that is less than half a second away passes
        by itself."""
        self.ended = True
        for together in self._ticks.values():
            for deadline in together:
                if deadline.when != math.inf:
                    deadline.pass_()

    def _look(self, tick: int) -> None:
        now = tick / _TICKS
        for deadline in self._ticks.pop(tick):
            if deadline.looked_at != now:
                continue  # it was scheduled for an earlier time meanwhile
            deadline.looked_at = math.inf
            if deadline.when <= now:
                deadline.pass_()
            elif deadline.when != math.inf:
                self.plan(deadline)


class Deadline:
    """One deadline, reused for one wave after another until it has passed. Call :meth:`pass_` to let it pass now.

    Attributes:
        when: time at which it passes; infinite while it is not set.
        looked_at: time at which its shared timer fires; infinite if it has none.
        own: a separate timer, used if it passes soon.
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
        """Cancels the task, once."""
        if self.passed:
            return
        self.passed = True
        if self.task is not None:
            self.task.cancel()

    def __enter__(self) -> None:
        """Does nothing, because the deadline was set when it was created."""

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
        # others may also have cancelled the task: then that cancellation continues
        return task is not None and task.uncancel() <= self.cancelling and kind is asyncio.CancelledError
