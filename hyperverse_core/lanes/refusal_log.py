"""RefusalLog: logs refused strangers of a listener. The log stays short even with a thousand strangers per second."""

from __future__ import annotations

import logging
import math
import re
import time
from typing import Final

__all__ = ["RefusalLog"]

_AGAIN: Final = 60.0
"""Seconds before a reason is logged again."""
_MOST: Final = 100
"""Number of reasons that are remembered. No listener has more. If strangers could invent new reasons, those are not
logged."""
_PARTICULARS: Final = re.compile(r"'[^']*'|\d+")
"""The parts of a reason that differ between strangers, such as a key or a size."""


class RefusalLog:
    """Logs each reason once, and again after a minute, with the number of refusals meanwhile.

    Args:
        log: the log to write to.
        endpoint: name of the listener.
    """

    def __init__(self, log: logging.Logger, endpoint: str) -> None:
        self._log = log
        self._endpoint = endpoint
        self._known: dict[str, tuple[float, int]] = {}

    def note(self, reason: str) -> None:
        """Logs a refusal.

        Args:
            reason: why, for the log. Quoted texts and numbers in it do not make it a different reason.
        """
        kind, now = _PARTICULARS.sub("", reason), time.monotonic()
        since, more = self._known.get(kind, (-math.inf, 0))
        if now - since < _AGAIN:
            self._known[kind] = (since, more + 1)
        elif kind in self._known or len(self._known) < _MOST:
            self._known[kind] = (now, 0)
            others = f" ({more} others meanwhile)" if more else ""
            self._log.warning("endpoint %r: refused a stranger: %s%s", self._endpoint, reason, others)
