"""Awaiting somebody else's code for a limited time, also when it does not let itself be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..errors import PluginError, described

__all__ = ["at_most"]

T = TypeVar("T")


async def at_most(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Awaits ``work`` in a task of its own, and returns what it returns.

    ``asyncio.timeout`` cancels and waits for the end, so what swallows its cancellation keeps its caller for ever. Here
    it is left to itself then.

    Args:
        seconds: how long it may take.
        work: what is awaited.

    Raises:
        TimeoutError: it has not ended in time.
        PluginError: it wanted to end the program.
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
