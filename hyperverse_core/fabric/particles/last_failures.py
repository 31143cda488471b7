"""The last failure of particles, for those who ask what is wrong with one."""

from __future__ import annotations

import time
from typing import Final

import attrs

__all__ = ["LastFailure", "LastFailures"]

_MOST: Final = 256


@attrs.frozen
class LastFailure:
    """A failure of a handler, or of a start.

    Attributes:
        at: seconds since the epoch.
        what: the handler, or ``on_start``, and what it has raised, as one line.
    """

    at: float
    what: str


class LastFailures:
    """Keeps one failure for each of the particles that have failed last. It is written when a handler or a start
    raises, never for a wave that is handled."""

    def __init__(self) -> None:
        self._by_point: dict[str, LastFailure] = {}

    def note(self, point: str, what: str) -> None:
        """A handler of a particle has raised, or its start."""
        self._by_point.pop(point, None)
        if len(self._by_point) >= _MOST:
            del self._by_point[next(iter(self._by_point))]
        self._by_point[point] = LastFailure(time.time(), what)

    def of(self, point: str) -> LastFailure | None:
        """The last failure of a particle; None for one that has not failed, or long ago."""
        return self._by_point.get(point)
