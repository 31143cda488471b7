"""A context of its own for each handler, and an end for one that does not let itself be ended.

A handler runs in the task of whoever sends the wave, or of a worker that takes one wave after the other. Without this,
the variables that it sets, the precision of decimals among them, would stay set for its caller and for the next wave.
A task for each wave would cost as much as the wave. So the coroutine of the handler is stepped within an empty
context, and only a handler that waits for something costs more than the one step. The context is empty, and no copy: a
copy shares objects such as the context of decimals, which a handler changes in place.

Signals and the copies of Ripples are handled by workers. A worker begins in an empty context too, and serves one
handler after the other in it for as long as it stays empty: 0.4 us less for each than with a context for each.

Code that steps a coroutine can also stop stepping it. A handler that was cancelled and goes on waiting has some seconds
for it; then it is not stepped any more, and its caller gets the cancellation. The same holds for one that waits for a
task of its own which does not let itself be cancelled.
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
"""Seconds that a handler may go on after it was cancelled."""

OVER: Final = object()
"""Stands for the end of a coroutine that returns nothing."""


class Abandoned(Exception):
    """A cancelled handler went on waiting and is abandoned. Its task is still being cancelled."""


class _Here:
    """Stands for the context that a task has anyway."""

    @staticmethod
    def run(call: Callable[..., Any], *args: Any) -> Any:
        """Calls it."""
        return call(*args)


HERE: Final = _Here()
"""Steps a coroutine in the context of its task."""
_watched: dict[asyncio.Task[Any], _Watch] = {}
"""Tasks whose innermost handler has swallowed its cancellation."""


class _Watch:
    """Cancels a task once more, when its handler has had its time."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.due = False
        self._timer = asyncio.get_running_loop().call_later(CANCEL_GRACE, self._cancel)
        _watched[task] = self

    def _cancel(self) -> None:
        self.due = True
        self.task.cancel()

    def end(self) -> None:
        """The handler has ended, or is given up."""
        self._timer.cancel()
        del _watched[self.task]


def begin_in_own_context(work: Coroutine[Any, Any, None], context: Variables | None = None) -> Awaitable[None] | None:
    """Runs ``work`` in a context of its own, in the task of the caller, until it ends or waits. Returns what is left
    to be awaited, None when it has ended: most handlers wait for nothing, and no coroutine is made to await them.

    Args:
        work: returns nothing, so that its end is told without an exception: that saves half of what this costs.
        context: where it runs; an empty one when None.

    What is left raises Abandoned when the work was cancelled and does not end in time.
    """
    if context is None:
        context = Variables()
    steps = work.__await__()
    awaited = context.run(next, steps, OVER)
    return None if awaited is OVER else go_on(context, steps, awaited)


async def in_own_context(work: Awaitable[T], context: Variables | None = None) -> T:
    """Awaits ``work`` in a context of its own, and returns what it returns; for calls that are not on the hot path.
    ``context``: where it runs; an empty one when None."""
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
    """Hands on to the task what ``steps`` awaits, and back what the task says. Raises Abandoned."""
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
                    watch.task.uncancel()  # that was ours, and the first one is still there
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
    """A coroutine that nobody refers to is closed, and one that swallows everything does not end then: the interpreter
    would run it without end when it leaves. So it is never let go."""
    import ctypes  # nobody else needs it

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(steps))
