"""Suggests existing points for a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .point import Point

__all__ = ["like"]


def like(point: Point, beside: Iterable[Point]) -> str:
    """Returns a hint with up to three points whose last segment is spelt like that of ``point``; empty if there is
    none.

    Args:
        point: the point that does not exist.
        beside: the points with the same parent.
    """
    names = {other.name: other.text for other in beside}
    near = difflib.get_close_matches(point.name, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(repr(names[name]) for name in near)}?" if near else ""
