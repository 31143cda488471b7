"""Determines whether a ``CancelledError`` is meant for the running task."""

from __future__ import annotations

import asyncio

__all__ = ["ends_task", "is_cancelled"]


def is_cancelled() -> bool:
    """Returns whether the running task was asked to end. If not, a CancelledError came from something that it awaited
    and that others cancelled, which for the caller is an error like any other."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def ends_task(error: BaseException) -> bool:
    """Returns whether an exception is meant for the running task, and so must be raised again.

    That is the case if the task was asked to end, or if the coroutine is being closed. Everything else is a failure
    of the code that was called, including ``SystemExit`` and ``KeyboardInterrupt``: a plugin that raises them must not
    end the task, and with it the event loop and everything that runs in it.

    Args:
        error: the exception that was caught around a call of foreign code.
    """
    kind = type(error)  # `isinstance` would ask the exception itself, which may raise
    if issubclass(kind, asyncio.CancelledError):
        return is_cancelled()
    if issubclass(kind, GeneratorExit):
        try:
            return asyncio.current_task() is None  # a coroutine is closed from outside of any task
        except RuntimeError:  # no loop runs
            return True
    return False
