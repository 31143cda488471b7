"""Telling whether a ``CancelledError`` is meant for us."""

from __future__ import annotations

import asyncio

__all__ = ["is_cancelled"]


def is_cancelled() -> bool:
    """Whether somebody has asked the running task to end. If not, a CancelledError has come from something that was
    awaited and that others have cancelled: for whoever called, it is an error like any other."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
