"""Commands about many particles run in slices: between two slices leases are renewed and other work is served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ....errors import HyperverseError, TimedOut
from ...particles.conversion import to_body
from ...placement.partly_done import partly_done

__all__ = ["ROWS", "TimeForSlices", "in_slices", "made_in_slices", "to_body_in_slices"]

S = TypeVar("S")
T = TypeVar("T")
_SLICE = 1000
"""Number of particles handled at once, which occupies the loop, or the registry, for some hundredths of a second."""
ROWS = 5000
"""Number of rows of an answer built at once, which occupies the loop for a hundredth of a second."""
_RESERVE = 0.1
"""Share of a command's time that is reserved for the answer that the time was too short."""
_REPEAT = "repeat the command for the rest"


class TimeForSlices:
    """The time of a command, and whether it is enough for one more slice and for the answer.

    Args:
        remaining: returns the seconds that are left.
    """

    def __init__(self, remaining: Callable[[], float]) -> None:
        self._remaining = remaining
        self._left = remaining()
        self._least = self._left * _RESERVE
        self._longest = 0.0

    def check(self) -> None:
        """Call this between two slices. Raises TimedOut if there is no time for another slice."""
        before, self._left = self._left, self._remaining()
        self._longest = max(self._longest, before - self._left)
        if self._left < self._least + self._longest:
            raise TimedOut("there was no time for more", hint=_REPEAT)


async def in_slices(
    items: Sequence[T],
    work: Callable[[Sequence[T]], Awaitable[object]],
    *,
    remaining: Callable[[], float] | None = None,
    done: str = "",
) -> None:
    """Awaits ``work`` for each slice of ``items``, one after another.

    Args:
        items: the items to process.
        work: handles one slice, completely or not at all.
        remaining: returns the seconds that are left; None for no limit.
        done: what was done to the particles of earlier slices if a later one fails, such as ``"were changed"``; empty
            if nothing was.

    Raises:
        HyperverseError: the error of ``work``; with ``done``, the message says how many were done before.
        TimedOut: the time was not enough for all of them; some are done.
    """
    time = None if remaining is None or not done else TimeForSlices(remaining)
    for start in range(0, len(items), _SLICE):
        if start:
            await asyncio.sleep(0)  # a registry in memory never yields to the loop
        try:
            if start and time is not None:
                time.check()
            await work(items[start : start + _SLICE])
        except HyperverseError as exc:
            if not start or not done:
                raise
            raise partly_done(exc, f"{start} of {len(items)} particles {done} before", hint=_REPEAT) from exc


async def made_in_slices(items: Sequence[S], make: Callable[[S], T]) -> list[T]:
    """Returns the result of ``make`` for each of ``items``."""
    made: list[T] = []
    for start in range(0, len(items), ROWS):
        if start:
            await asyncio.sleep(0)
        made += [make(item) for item in items[start : start + ROWS]]
    return made


async def to_body_in_slices(value: Any) -> Any:
    """Like :func:`to_body`, but yields to the loop between slices of a long list, including a list in a map. For small
    answers, as most are, it costs one call more than :func:`to_body`."""
    if type(value) is list and len(value) > ROWS:
        return await made_in_slices(value, to_body)
    if type(value) is dict:
        return {str(key): await to_body_in_slices(item) for key, item in value.items()}
    return to_body(value)
