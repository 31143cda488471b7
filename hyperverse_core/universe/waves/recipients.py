"""Whom a Ripple is for."""

from __future__ import annotations

from collections.abc import Sequence

from ..address.point import Point
from ..selectors.selector import Selector
from .wave import Recipients, Stars, Watchers

__all__ = ["to_recipients"]


def to_recipients(to: Recipients | str | Sequence[Point | str]) -> Recipients:
    """What a user may write as recipients of a Ripple. Raises ParseError."""
    if isinstance(to, str):
        return Selector.parse(to)
    if isinstance(to, Selector | Stars | Watchers):
        return to
    return tuple([p if isinstance(p, Point) else Point.parse(p) for p in to])
