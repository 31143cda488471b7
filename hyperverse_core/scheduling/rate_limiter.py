"""Rate limiter: how often each of many may do something, as a number for each second."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

__all__ = ["RateLimiter"]

_SECONDS: Final = 2.0
"""What was not used is kept for so long: so much may come at once."""
_MOST: Final = 10_000
"""Of so many the use is remembered; those that did nothing for the longest time are forgotten, and may begin anew."""


class RateLimiter:
    """Counts what each of them does.

    Args:
        rate: times in a second; 0 for no limit.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._most = max(1.0, rate * _SECONDS)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Of how many the use is remembered."""
        return len(self._left)

    def wait(self, who: str) -> float:
        """Counts one time of ``who`` and returns 0; or counts nothing, and returns after how many seconds it may."""
        if not self.rate:
            return 0.0
        now = asyncio.get_running_loop().time()
        left, at = self._left.get(who, (self._most, now))
        left = min(self._most, left + (now - at) * self.rate)
        if left < 1.0:
            return (1.0 - left) / self.rate
        self._left[who] = left - 1.0, now
        self._left.move_to_end(who)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
        return 0.0
