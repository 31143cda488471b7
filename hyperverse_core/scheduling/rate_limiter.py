"""Rate limiter: limits how many times per second each of many callers may do something."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

__all__ = ["RateLimiter"]

_SECONDS: Final = 2.0
"""Seconds for which unused allowance accumulates: that much may be used in one burst."""
_MOST: Final = 10_000
"""Greatest number of callers that are remembered. The ones that were idle for longest are forgotten, and start with a
full allowance again."""


class RateLimiter:
    """Counts the uses of each caller.

    Args:
        rate: uses per second; 0 for no limit.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._most = max(1.0, rate * _SECONDS)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Number of callers that are remembered."""
        return len(self._left)

    def wait(self, who: str) -> float:
        """Counts one use by ``who`` and returns 0; or counts nothing, and returns the seconds until the next use is
        allowed."""
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
