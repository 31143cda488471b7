"""Subtrees as ranges of text.

The text of a point begins with the text of its parent and a separator, so the points below a point are a range of
texts. The route must be compared as well: ``a::b`` is in the range of ``a``, but not below it.
"""

from __future__ import annotations

import sqlalchemy as sa

from hyperverse_core.values import Point

from .schema import particles

__all__ = ["at_or_below", "below", "first_below", "present_hyperverse"]


def below(point: Point, *, depth: int | None = None) -> list[sa.ColumnElement[bool]]:
    """Returns conditions for the points below ``point``; with ``depth``, for those with that many segments."""
    if depth is None:
        conditions = [_on_route(point.route.prefix)]
    else:
        conditions = [particles.c.route == point.route.prefix, particles.c.depth == depth]
    if point.is_root:
        return conditions if depth is not None else [*conditions, particles.c.depth > 0]
    return [*conditions, particles.c.point > first_below(point), particles.c.point < _behind(point)]


def at_or_below(point: Point) -> list[sa.ColumnElement[bool]]:
    """Returns conditions for ``point``, which is not ROOT, and the points below it. They form one range, so that the
    database need not sort. The range includes others, such as ``app-2`` beside ``app``, which are filtered out."""
    within = sa.or_(particles.c.point == point.text, particles.c.point > first_below(point))
    return [
        _on_route(point.route.prefix),
        particles.c.point >= point.text,
        particles.c.point < _behind(point),
        within,
    ]


def first_below(point: Point) -> str:
    """Returns the text that each point below ``point`` begins with."""
    return point.text if point.text.endswith("/") else f"{point.text}:"


def _behind(point: Point) -> str:
    """Returns the first text after those of all points below ``point``."""
    first = first_below(point)
    return first[:-1] + chr(ord(first[-1]) + 1)


def present_hyperverse() -> list[sa.ColumnElement[bool]]:
    """Returns conditions for the points that have no route, including ROOT."""
    return [_on_route("")]


def _on_route(prefix: str) -> sa.ColumnElement[bool]:
    # Nearly all points are on the same route. The empty text appended to the column keeps the database from using an
    # index on the route that is not in the order of the points, which would require a sort.
    return particles.c.route + "" == prefix
