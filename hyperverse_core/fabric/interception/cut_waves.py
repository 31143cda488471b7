"""Marks whether observers were notified of a wave that is being cancelled.

A cancellation is a CancelledError that propagates from a handler, or from what a wave waits for, to the caller that
waits for the wave. It passes several places that could notify observers; a mark on the error says whether one of them
has.
"""

from __future__ import annotations

from typing import Final

__all__ = ["EARLY", "is_told", "mark_told"]

EARLY: Final = 0.002
"""Seconds by which a timer may fire too early, because the clock of uvloop counts whole milliseconds."""
_MARK: Final = "_hyperverse_told"


def mark_told(error: BaseException) -> None:
    """Notes that the wave that ``error`` cancels has reached a handler or another machine, or that observers know that
    it has not."""
    error.__dict__[_MARK] = True


def is_told(error: BaseException) -> bool:
    """Whether :func:`mark_told` was called with this error object."""
    return _MARK in error.__dict__
