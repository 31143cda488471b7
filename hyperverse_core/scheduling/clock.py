"""The clock of an event loop, without the method call that asyncio wraps around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

__all__ = ["clock_of"]


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """Returns a function that returns the same as ``loop.time()``. In asyncio's loops that method only calls
    ``time.monotonic``. Each wave needs the time three times, and skipping the method saves 30 ns each time
    (measured)."""
    return monotonic if type(loop).time is asyncio.BaseEventLoop.time else loop.time
