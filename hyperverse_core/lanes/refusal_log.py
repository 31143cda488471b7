"""RefusalLog: what a listener logs about strangers. The log stays short even if they come a thousand times a second."""

from __future__ import annotations

import logging
import math
import re
import time
from typing import Final

__all__ = ["RefusalLog"]

_AGAIN: Final = 60.0
"""Seconds until a reason is logged again."""
_MOST: Final = 100
"""Reasons that are remembered. More than any listener has; if a stranger can make new ones, it is logged no more."""
_PARTICULARS: Final = re.compile(r"'[^']*'|\d+")
"""What differs from stranger to stranger, such as a key or a size."""


class RefusalLog:
    """Logs each reason once, and again after a minute, with how many were refused for it meanwhile.

    Args:
        log: where.
        endpoint: name of the listener.
    """

    def __init__(self, log: logging.Logger, endpoint: str) -> None:
        self._log = log
        self._endpoint = endpoint
        self._known: dict[str, tuple[float, int]] = {}

    def note(self, reason: str) -> None:
        """Somebody is refused.

        Args:
            reason: why, for the log. Texts in quotes and numbers in it make no other reason of it.
        """
        kind, now = _PARTICULARS.sub("", reason), time.monotonic()
        since, more = self._known.get(kind, (-math.inf, 0))
        if now - since < _AGAIN:
            self._known[kind] = (since, more + 1)
        elif kind in self._known or len(self._known) < _MOST:
            self._known[kind] = (now, 0)
            others = f" ({more} others meanwhile)" if more else ""
            self._log.warning("endpoint %r: a stranger is not let in: %s%s", self._endpoint, reason, others)
