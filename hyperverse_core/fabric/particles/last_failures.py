"""The latest failure of each particle, to show what is wrong with it."""

from __future__ import annotations

import time
from typing import Final

import attrs

__all__ = ["LastFailure", "LastFailures"]

_MOST: Final = 256


@attrs.frozen
class LastFailure:
    """A failure of a handler or a start.

    Attributes:
        at: seconds since the epoch.
        what: the handler, or ``on_start``, and the error, in one line.
    """

    at: float
    what: str


class LastFailures:
    """Keeps one failure for each of the particles that failed most recently. Written only when a handler or a start
    raises, never on the hot path."""

    def __init__(self) -> None:
        self._by_point: dict[str, LastFailure] = {}

    def note(self, point: str, what: str) -> None:
        """Records that a particle's handler or start raised."""
        self._by_point.pop(point, None)
        if len(self._by_point) >= _MOST:
            del self._by_point[next(iter(self._by_point))]
        self._by_point[point] = LastFailure(time.time(), what)

    def of(self, point: str) -> LastFailure | None:
        """Returns the latest failure of a particle; None if it never failed, or only long ago."""
        return self._by_point.get(point)
