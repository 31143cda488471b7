"""What observers were told of a wave that is being cut.

A cut is a CancelledError that rises from a handler, or from what a wave waits for, up to whoever waits for the wave. On
its way it passes several places that could tell of it; the error itself says whether one of them has.
"""

from __future__ import annotations

from typing import Final

__all__ = ["EARLY", "is_told", "mark_told"]

EARLY: Final = 0.002
"""Seconds that a timer may come before its time: the clock of uvloop counts whole milliseconds."""
_MARK: Final = "_hyperverse_told"


def mark_told(error: BaseException) -> None:
    """The wave that ``error`` cuts has reached a handler, or another machine, or it was told that it has not."""
    error.__dict__[_MARK] = True


def is_told(error: BaseException) -> bool:
    """Whether :func:`mark_told` was called with this very error."""
    return _MARK in error.__dict__
