"""Telling whether a ``CancelledError`` is meant for us."""

from __future__ import annotations

import asyncio

__all__ = ["ends_task", "is_cancelled"]


def is_cancelled() -> bool:
    """Whether somebody has asked the running task to end. If not, a CancelledError has come from something that was
    awaited and that others have cancelled: for whoever called, it is an error like any other."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def ends_task(error: BaseException) -> bool:
    """Whether an exception is meant for the task that runs, so that it has to go on.

    That is so when somebody has asked the task to end, or when the coroutine is being closed. Everything else is a
    failure of what was called, also ``SystemExit`` and ``KeyboardInterrupt``: a plugin that raises them is not to end
    the task, and with it the event loop and all that runs in it.

    Args:
        error: what was caught around a call of somebody else's code.
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
