"""Room: whether this process has file descriptors left for one more connection."""

from __future__ import annotations

import logging
import time
from typing import Final

from hyperverse_core.transport import room_for_connections

__all__ = ["Room"]

_log = logging.getLogger("hyperverse.lane.stream")
_COUNT_EVERY: Final = 16  # counting descriptors takes as long as accepting some connections
_COUNT_AGAIN: Final = 0.05  # seconds, while crowded: thousands of newcomers are not worth a count each


class Room:
    """Counts descriptors now and then, for all endpoints of a transport."""

    def __init__(self) -> None:
        self._until_count = 0
        self._left = 0
        self._counted_at = 0.0
        self._crowded = False

    def for_one_more(self) -> bool:
        """Returns whether one more connection may be kept. If so, it counts from now on."""
        self._left -= 1
        self._until_count -= 1
        if self._has_to_count():
            self._count()
        return not self._crowded

    def _has_to_count(self) -> bool:
        if self._crowded:
            return time.monotonic() - self._counted_at >= _COUNT_AGAIN
        return self._until_count <= 0 or self._left <= 0

    def _count(self) -> None:
        self._until_count, self._counted_at = _COUNT_EVERY, time.monotonic()
        self._left = room_for_connections()
        crowded = self._left <= 0
        if crowded and not self._crowded:
            _log.error("the transport accepts no connections: almost out of file descriptors (see `ulimit -n`)")
        elif self._crowded and not crowded:
            _log.warning("the transport accepts connections again")
        self._crowded = crowded
