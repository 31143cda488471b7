"""Runs each handler in its own context, and ends a handler that resists cancellation.

A handler runs in the task of the wave's sender, or of a worker that takes one wave after another. Without this module,
variables that it sets, such as the precision of decimals, would stay set for its caller and for the next wave. A task
for each wave would cost as much as the wave. So the coroutine of the handler is stepped within an empty context, and
only a handler that waits costs more than one step. The context is empty rather than a copy: a copy shares objects such
as the decimal context, which a handler changes in place.

Workers handle Signals and the copies of Ripples. A worker also begins in an empty context, and serves one handler after
another in it as long as it stays empty: 0.4 us less for each than a separate context.

Code that steps a coroutine can also stop stepping it. A cancelled handler that continues to wait has some seconds to
end; after that it is no longer stepped, and its caller gets the cancellation. The same applies to a handler that waits
for its own task, if that task resists cancellation.
"""

from __future__ import annotations

import asyncio
import types
from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context as Variables
from typing import Any, Final, TypeVar

from ...scheduling.cancellation import ends_task
from ...scheduling.waits_for_task import WaitsForTask

__all__ = ["CANCEL_GRACE", "HERE", "OVER", "Abandoned", "Variables", "begin_in_own_context", "go_on", "in_own_context"]

T = TypeVar("T")

CANCEL_GRACE: Final = 2.0
"""Seconds that a handler may continue after it was cancelled."""

OVER: Final = object()
"""Marks the end of a coroutine that returns nothing."""


class Abandoned(Exception):
    """A cancelled handler continued to wait and is abandoned. Its task is still being cancelled."""


class _Here:
    """Represents the context that a task already has."""

    @staticmethod
    def run(call: Callable[..., Any], *args: Any) -> Any:
        """Calls the function."""
        return call(*args)


HERE: Final = _Here()
"""Steps a coroutine in the context of its task."""
_watched: dict[asyncio.Task[Any], _Watch] = {}
"""Tasks whose innermost handler swallowed its cancellation."""


class _Watch:
    """Cancels a task again when its handler has used up its time."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.due = False
        self._timer = asyncio.get_running_loop().call_later(CANCEL_GRACE, self._cancel)
        _watched[task] = self

    def _cancel(self) -> None:
        self.due = True
        self.task.cancel()

    def end(self) -> None:
        """Called when the handler has ended, or was abandoned."""
        self._timer.cancel()
        del _watched[self.task]


def begin_in_own_context(work: Coroutine[Any, Any, None], context: Variables | None = None) -> Awaitable[None] | None:
    """Runs ``work`` in its own context, in the caller's task, until it ends or waits. Returns the rest to be awaited,
    or None if it has ended: most handlers do not wait, so no coroutine is made to await them.

    Args:
        work: returns nothing, so that its end needs no exception, which saves half of the cost.
        context: the context to run in; None for a new empty one.

    The rest raises Abandoned if the work was cancelled and does not end in time.
    """
    if context is None:
        context = Variables()
    steps = work.__await__()
    awaited = context.run(next, steps, OVER)
    return None if awaited is OVER else go_on(context, steps, awaited)


async def in_own_context(work: Awaitable[T], context: Variables | None = None) -> T:
    """Awaits ``work`` in its own context, and returns its result; for calls off the hot path. ``context`` is the
    context to run in; None for a new empty one."""
    results: list[T] = []

    async def whole() -> None:
        results.append(await work)

    rest = begin_in_own_context(whole(), context)
    if rest is not None:
        try:
            await rest
        except Abandoned:
            raise asyncio.CancelledError from None  # its task is being cancelled
    return results[0]


@types.coroutine
def go_on(context: Variables | _Here, steps: Generator[Any, Any, None], awaited: object) -> Generator[Any, Any, None]:
    """Passes what ``steps`` awaits to the task, and the task's answer back. Raises Abandoned."""
    watch: _Watch | None = None
    waiting: WaitsForTask | None = None
    try:
        while awaited is not OVER:
            kind = type(awaited)
            if kind is not Future and kind is not WaitsForTask and isinstance(awaited, Future):
                awaited = waiting = WaitsForTask(awaited, CANCEL_GRACE)
            try:
                yield awaited
            except GeneratorExit:
                context.run(steps.close)
                raise
            except BaseException as exc:
                if waiting is not None and waiting is awaited and waiting.given_up:
                    _keep_for_ever(steps)
                    raise Abandoned from None
                if watch is not None and watch.due:
                    watch.task.uncancel()  # undoes our cancellation; the first one still stands
                    _keep_for_ever(steps)
                    raise Abandoned from None
                task = asyncio.current_task() if ends_task(exc) else None
                asked = 0 if task is None else task.cancelling()
                try:
                    awaited = context.run(steps.throw, exc)
                except StopIteration:
                    return
                if task is not None and task.cancelling() >= asked and task not in _watched:
                    watch = _Watch(task)
            else:
                awaited = context.run(next, steps, OVER)
    finally:
        if watch is not None:
            watch.end()


def _keep_for_ever(steps: object) -> None:
    """Keeps a coroutine alive forever. An unreferenced coroutine is closed, but one that swallows every exception would
    not end, and the interpreter would run it forever at exit."""
    import ctypes  # nothing else needs it

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(steps))
