"""Backoff: how long to wait before the next attempt."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Pauses that grow with each attempt.

    Jitter prevents many callers that failed at the same time from retrying at the same time.

    Args:
        first: the first pause, in seconds.
        longest: the longest pause before jitter, in seconds.
        factor: factor by which each pause is longer than the previous one.
        jitter: fraction of a pause by which it may be shorter or longer: with 0.5 a pause of 2 s lasts 1 s to 3 s.
        chance: source of randomness for the jitter; not used if ``jitter`` is 0.

    Example::

        backoff = Backoff(first=0.05, longest=2.0, chance=random.Random())
        while not await connected():
            await asyncio.sleep(backoff.next_pause())
    """

    __slots__ = ("_chance", "_factor", "_first", "_jitter", "_longest", "_pause")

    def __init__(
        self, *, first: float, longest: float, factor: float = 2.0, jitter: float = 0.5, chance: random.Random
    ) -> None:
        self._first = first
        self._longest = longest
        self._factor = factor
        self._jitter = jitter
        self._chance = chance
        self._pause = first

    def next_pause(self) -> float:
        """Returns the seconds to wait before the next attempt, and lengthens the pause after it."""
        pause = self._pause
        self._pause = min(pause * self._factor, self._longest)
        if not self._jitter:
            return pause
        return pause * (1.0 - self._jitter + 2.0 * self._jitter * self._chance.random())

    def reset(self) -> None:
        """Starts again with the first pause. Call it after a success."""
        self._pause = self._first
