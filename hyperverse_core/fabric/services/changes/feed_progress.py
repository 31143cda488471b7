"""The progress of the change feed, for the status. While a step takes too long, this machine misses changes."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from ....contracts.registry import Trouble

__all__ = ["FEED", "WAIT", "FeedProgress"]

FEED: Final = "the change feed"
WAIT: Final = 5.0
"""Seconds that the feed waits for changes."""
_LATE: Final = 2.0
"""Seconds that a step of the feed may take in addition to the wait for changes."""


class FeedProgress:
    """The current step of the change feed, and when it began. Written by the feed."""

    def __init__(self) -> None:
        self._doing = ""
        self._since: float | None = None

    def begin(self, doing: str) -> None:
        """Starts a step; ``doing`` describes it in words that "for 7 s" can follow."""
        self._doing, self._since = doing, asyncio.get_running_loop().time()

    def end(self) -> None:
        """Called when the feed is no longer followed."""
        self._since = None

    def held_up(self) -> list[Trouble]:
        """Returns the trouble of a step that takes longer than it ever should."""
        if self._since is None:
            return []
        took = asyncio.get_running_loop().time() - self._since
        if took < WAIT + _LATE:
            return []
        cause = f"{self._doing} for {took:.0f} s: changes of other machines are not known here"
        return [Trouble(FEED, cause, time.time() - took)]
