"""A context of its own for each handler: what it sets in a ``ContextVar`` nobody else sees.

A handler runs in the task of whoever sends the wave, or of a worker that takes one wave after the other. Without this,
the variables that it sets, the precision of decimals among them, would stay set for its caller and for the next wave.
A task for each wave would cost as much as the wave. So the coroutine of the handler is stepped within an empty
context, and only a handler that waits for something costs more than the one step. The context is empty, and no copy: a
copy shares objects such as the context of decimals, which a handler changes in place.

Signals and the copies of Ripples are handled by workers. A worker begins in an empty context too, and serves one
handler after the other in it for as long as it stays empty: 0.4 us less for each than with a context for each.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context as Variables
from typing import Any, Final

__all__ = ["OVER", "Variables", "begin_in_own_context", "go_on"]

OVER: Final = object()
"""Stands for the end of a coroutine that returns nothing."""


def begin_in_own_context(work: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Runs ``work`` in a context of its own, in the task of the caller, until it ends or waits. Returns what is left
    to be awaited, None when it has ended: most handlers wait for nothing, and no coroutine is made to await them.

    Args:
        work: returns nothing, so that its end is told without an exception: that saves half of what this costs.
    """
    context = Variables()
    steps = work.__await__()
    awaited = context.run(next, steps, OVER)
    return None if awaited is OVER else go_on(context, steps, awaited)


@types.coroutine
def go_on(context: Variables, steps: Generator[Any, Any, None], awaited: object) -> Generator[Any, Any, None]:
    """Hands on to the task what ``steps`` awaits, and back what the task says."""
    while awaited is not OVER:
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
            awaited = context.run(next, steps, OVER)
