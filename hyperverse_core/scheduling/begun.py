"""Starts coroutines immediately, and runs them until they first wait for something."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

__all__ = ["Begun", "begin"]

T = TypeVar("T")


class Begun(Generic[T]):
    """A coroutine that was started and waits for something. Await it once, in the task that started it, before that
    task waits for anything else."""

    __slots__ = ("_context", "_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, T], context: Context, waits_for: object) -> None:
        self._coroutine = coroutine
        self._context = context
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, run, waits_for = self._coroutine, self._context.run, self._waits_for
        try:
            while True:
                try:
                    sent = yield waits_for
                except BaseException as exc:
                    waits_for = run(coroutine.throw, exc)
                else:
                    waits_for = run(coroutine.send, sent)
        except StopIteration as end:
            result: T = end.value
            return result


def begin(coroutine: Coroutine[Any, Any, T], context: Context) -> T | Begun[T]:
    """Runs ``coroutine`` in ``context`` until it ends or waits. Anything that only a wait needs (a deadline, a place in
    a queue) can be omitted for coroutines that never wait. Returns the result or the rest of the coroutine. Raises the
    errors of the coroutine."""
    try:
        waits_for = context.run(coroutine.send, None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Begun(coroutine, context, waits_for)
