"""How far a step of the change feed is, for the status: a step that takes too long holds up what this machine knows."""

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
"""Seconds that a step of the feed may take longer than the wait for changes."""


class FeedProgress:
    """What the change feed is doing, and since when. Written by the feed."""

    def __init__(self) -> None:
        self._doing = ""
        self._since: float | None = None

    def begin(self, doing: str) -> None:
        """A step begins; ``doing`` is the beginning of a sentence that "for 7 s" ends."""
        self._doing, self._since = doing, asyncio.get_running_loop().time()

    def end(self) -> None:
        """The feed is not followed any more."""
        self._since = None

    def held_up(self) -> list[Trouble]:
        """What holds up the feed: one step of it takes longer than it ever should."""
        if self._since is None:
            return []
        took = asyncio.get_running_loop().time() - self._since
        if took < WAIT + _LATE:
            return []
        cause = f"{self._doing} for {took:.0f} s: what other machines have changed is not known here"
        return [Trouble(FEED, cause, time.time() - took)]
