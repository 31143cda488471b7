"""Commands about many particles, in slices: leases are renewed and others are served between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ...errors import HyperverseError, TimedOut, error_for_status

__all__ = ["in_slices"]

T = TypeVar("T")
_SLICE = 1000
"""Particles that are handled in one go: some hundredths of a second of the loop, or of the registry."""
_RESERVE = 0.1
"""Part of the time that a command has which is kept for the answer that it was not enough."""


async def in_slices(
    items: Sequence[T],
    work: Callable[[Sequence[T]], Awaitable[object]],
    *,
    remaining: Callable[[], float] | None = None,
    done: str = "",
) -> None:
    """Awaits ``work`` for slices of ``items``, one after another.

    Args:
        items: what it is about.
        work: does one slice, completely or not at all.
        remaining: returns the seconds that are left; None for no limit.
        done: what has become of the particles of earlier slices when a later one fails, such as ``"were changed"``;
            empty when nothing has.

    Raises:
        HyperverseError: what ``work`` raises; with ``done``, it says how many were done before.
        TimedOut: the time was not enough for all, and some are done.
    """
    left = 0.0 if remaining is None else remaining()
    longest = 0.0
    least = left * _RESERVE
    for start in range(0, len(items), _SLICE):
        if start:
            await asyncio.sleep(0)  # a registry in memory never waits
        if start and done and remaining is not None:
            before, left = left, remaining()
            longest = max(longest, before - left)
            if left < least + longest:
                raise TimedOut(f"there was no time for more: {start} of {len(items)} particles {done}", hint=_REPEAT)
        try:
            await work(items[start : start + _SLICE])
        except HyperverseError as exc:
            if not start or not done:
                raise
            said = f"{exc.message}; {start} of {len(items)} particles {done} before"
            raise error_for_status(exc.status, said, hint=_REPEAT) from exc


_REPEAT = "repeat the command for the rest"
