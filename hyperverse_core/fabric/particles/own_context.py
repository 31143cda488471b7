"""A context of its own for each handler: what it sets in a ``ContextVar`` nobody else sees.

A handler runs in the task of whoever sends the wave, or of a worker that takes one wave after the other. Without this,
the variables that it sets, the precision of decimals among them, would stay set for its caller and for the next wave.
A task for each wave would cost as much as the wave. So the coroutine of the handler is stepped within an empty
context, and only a handler that waits for something costs more than the one step. The context is empty, and no copy: a
copy shares objects such as the context of decimals, which a handler changes in place.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, Final

__all__ = ["run_in_own_context"]

_OVER: Final = object()


async def run_in_own_context(work: Coroutine[Any, Any, None]) -> None:
    """Awaits ``work`` in a context of its own, in the task of the caller.

    Args:
        work: returns nothing, so that its end is told without an exception: that saves half of what this costs.
    """
    context = Context()
    steps = work.__await__()
    awaited = context.run(next, steps, _OVER)
    if awaited is not _OVER:
        await _go_on(context, steps, awaited)


@types.coroutine
def _go_on(context: Context, steps: Generator[Any, Any, None], awaited: object) -> Generator[Any, Any, None]:
    """Hands on to the task what ``steps`` awaits, and back what the task says."""
    while awaited is not _OVER:
        try:
            yield awaited
        except GeneratorExit:
            context.run(steps.close)
            raise
        except BaseException as exc:
            try:
                awaited = context.run(steps.throw, exc)
            except StopIteration:
                return
        else:
            awaited = context.run(next, steps, _OVER)
