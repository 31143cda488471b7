"""Awaits foreign code for a limited time, even when it ignores its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..errors import PluginError, described

__all__ = ["at_most"]

T = TypeVar("T")


async def at_most(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Awaits ``work`` in a separate task, and returns its result.

    ``asyncio.timeout`` cancels and then waits for the end, so code that swallows its cancellation blocks the caller
    forever. This function abandons such code.

    Args:
        seconds: seconds that it may take.
        work: the coroutine to await.

    Raises:
        TimeoutError: it has not ended in time.
        PluginError: it tried to end the program.
    """
    task = asyncio.ensure_future(_contained(work))
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        await asyncio.wait({task}, timeout=min(0.5, seconds))
        raise TimeoutError(f"it took more than {seconds:g} s")
    return task.result()


async def _contained(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as exc:  # in a task they would end the event loop
        raise PluginError(described(exc)) from exc
