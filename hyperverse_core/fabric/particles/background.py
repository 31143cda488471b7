"""Background tasks of a particle: limited in number, and cancelled when the particle leaves."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

from ...errors import TooMany, described
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from ...scheduling.troubles import Troubles
from ...universe.waves.wave import Directed
from .own_context import CANCEL_GRACE, Abandoned, begin_in_own_context

__all__ = ["BackgroundTasks", "working_for"]

_log = guarded_log("hyperverse.particle")
_PIECES = 64

working_for: ContextVar[Directed | None] = ContextVar("hyperverse_working_for", default=None)
"""Set in a background task and the tasks that it starts: the wave whose handler started it."""


class BackgroundTasks:
    """The background tasks of a particle.

    Args:
        text: text of the particle's point.
        troubles: gets each task that fails.
    """

    __slots__ = ("_tasks", "_troubles", "text")

    def __init__(self, text: str, troubles: Troubles) -> None:
        self.text = text
        self._troubles = troubles
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[Any, Any, None], name: str, wave: Directed, failed: Callable[[], None]) -> None:
        """Starts a task while ``wave`` is handled; ``failed`` is called if it raises. Raises TooMany if there are
        already 64."""
        if len(self._tasks) >= _PIECES:
            work.close()
            raise TooMany(f"{self.text!r} already has {len(self._tasks)} background tasks", retry_after=1.0)
        task = asyncio.get_running_loop().create_task(self.run(work, wave, failed), name=name or f"work of {self.text}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: _close(work))  # a coroutine cancelled before it began would warn

    async def run(self, work: Coroutine[Any, Any, None], wave: Directed, failed: Callable[[], None]) -> None:
        """Runs one background task to its end, in the task that :meth:`begin` created for it."""
        working_for.set(wave)
        name = getattr(work, "__qualname__", "work")
        try:
            rest = begin_in_own_context(work, copy_context())
            if rest is not None:
                await rest
        except Abandoned:
            cause = f"it was cancelled and did not end within {CANCEL_GRACE:g} s, so it is abandoned"
            _log.error("%s: %s", name, cause, extra={"point": self.text})
            self._troubles.happened(f"work of {self.text} ({name})", cause)
        except BaseException as exc:
            if ends_task(exc):
                raise
            error = presentable(exc)
            _log.error("a background task failed", exc_info=error, extra={"point": self.text})
            self._troubles.happened(f"work of {self.text} ({name})", described(error))
            failed()

    def give_up(self) -> None:
        """Cancels everything without waiting for the end."""
        for task in self._tasks:
            task.cancel()

    async def end(self, grace: float) -> None:
        """Cancels everything, and waits for the end for at most ``grace`` seconds."""
        if not self._tasks:
            return
        tasks = tuple(self._tasks)
        self.give_up()
        _, stubborn = await asyncio.wait(tasks, timeout=grace)
        if stubborn:
            _log.error("%d background tasks do not end", len(stubborn), extra={"point": self.text})


def _close(work: Coroutine[Any, Any, None]) -> None:
    if inspect.iscoroutine(work) and inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
        work.close()
