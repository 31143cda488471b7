"""Deadlines: the task that runs a handler in line is cut at its next await when its time is over.

``asyncio.timeout`` does the same for 7 us; this is the part of it that a wave needs.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Deadline"]


class Deadline:
    """``with Deadline(loop, when) as limit:`` cancels the current task at ``when`` (time of the loop). The
    ``CancelledError`` that arrives then ends here, and ``limit.passed`` is True behind the block."""

    __slots__ = ("_cancelling", "_fired", "_handle", "_task", "passed")

    def __init__(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("waves are sent from within a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._fired = False
        self.passed = False
        self._handle = loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._fired = True
        self._task.cancel()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._fired:
            self._handle.cancel()
            return False
        # somebody else may have cancelled the task too: then that goes on
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            self.passed = True
            return True
        return False
