"""Marks whether observers were told of a wave that is being cancelled.

A cancellation is a CancelledError that rises from a handler, or from what a wave waits for, to the caller that waits
for the wave. It passes several places that could tell observers; the error itself says whether one of them has.
"""

from __future__ import annotations

from typing import Final

__all__ = ["EARLY", "is_told", "mark_told"]

EARLY: Final = 0.002
"""Seconds that a timer may fire before its time: the clock of uvloop counts whole milliseconds."""
_MARK: Final = "_hyperverse_told"


def mark_told(error: BaseException) -> None:
    """Notes that the wave that ``error`` cancels has reached a handler or another machine, or that observers know that
    it has not."""
    error.__dict__[_MARK] = True


def is_told(error: BaseException) -> bool:
    """Whether :func:`mark_told` was called with this very error."""
    return _MARK in error.__dict__
