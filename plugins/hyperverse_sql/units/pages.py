"""Reading many particles, in pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.registry import Page, ParticleRecord, SelectorMatch
from hyperverse_core.values import HopKind, Point, Selector, StarKey

from ..engine.expressions import listed, listing
from ..engine.reader import begin_snapshot
from ..tables.rows import RECORD, RECORDS, record_of
from ..tables.schema import particles, stars
from ..tables.subtree import at_or_below, below, present_hyperverse

__all__ = ["children", "hosted", "select"]

# Rows are matched in Python, in chunks of this size so that other threads do not wait long for the GIL.
_CHUNK: Final = 500
_KINDS = sa.select(particles.c.point, particles.c.kind).where(particles.c.point.in_(listed("points")))


def children(connection: sa.Connection, point: Point, after: Point | None, limit: int) -> Page:
    """Returns a page of the direct children of ``point``."""
    return _page(connection, below(point, depth=len(point.segments) + 1), after, limit)


def hosted(connection: sa.Connection, star: StarKey, after: Point | None, limit: int) -> Page:
    """Returns a page of the particles that are assigned to ``star``."""
    announced = sa.select(stars.c.incarnation).where(stars.c.key == str(star), stars.c.announced).scalar_subquery()
    return _page(connection, [particles.c.star == str(star), particles.c.incarnation == announced], after, limit)


def _page(
    connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]], after: Point | None, limit: int
) -> Page:
    limit = max(limit, 1)
    rows = connection.execute(_ordered(conditions, after, limit + 1)).all()
    return _of(tuple(record_of(row) for row in rows), limit)


def _ordered(conditions: Iterable[sa.ColumnElement[bool]], after: Point | None, limit: int) -> sa.Select[Any]:
    read = sa.select(*RECORD).select_from(RECORDS)
    query = read.where(*conditions).order_by(particles.c.point).limit(limit)
    return query if after is None else query.where(particles.c.point > after.text)


def _of(found: tuple[ParticleRecord, ...], limit: int) -> Page:
    """Returns a page of ``limit`` records. The query asked for one more, to find out whether there are more."""
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], after=found[limit - 1].point)


def select(connection: sa.Connection, selector: Selector, after: Point | None, limit: int) -> Page:
    """Returns a page of the particles that ``selector`` matches. Reads the particles below its query root."""
    limit = max(limit, 1)
    begin_snapshot(connection)
    found: list[ParticleRecord] = []
    match = SelectorMatch(selector)
    for chunk in _chunks(connection, selector, after):
        _learn_kinds(connection, chunk, match)
        for row in chunk:
            if match.matches(Point.parse(row[0])):
                found.append(record_of(row))
                if len(found) > limit:
                    return _of(tuple(found), limit)
    return Page(tuple(found))


def _chunks(connection: sa.Connection, selector: Selector, after: Point | None) -> Iterator[Sequence[Any]]:
    conditions = _candidates(selector)
    while True:
        chunk = connection.execute(_ordered(conditions, after, _CHUNK)).all()
        if chunk:
            yield chunk
        if len(chunk) < _CHUNK:
            return
        after = Point.parse(chunk[-1][0])


def _candidates(selector: Selector) -> list[sa.ColumnElement[bool]]:
    """Returns conditions that hold for all particles that ``selector`` can match.

    Only an exact selector, or one whose query root is ROOT, matches the query root itself: a hop at which a path may
    end (``+``) is not part of the root.
    """
    root, hops = selector.query_root, selector.hops
    if selector.is_exact and len(root.segments) == len(hops):
        return [particles.c.point == root.text]
    if selector.anchor != root:  # the anchor is the point of a hop at which a path may end: `app` of `app+:**`
        conditions = at_or_below(selector.anchor)
    else:
        conditions = present_hyperverse() if root.is_root else below(root)
    if any(hop.kind is HopKind.RECURSIVE for hop in hops):
        return conditions
    if selector.from_root or any(hop.inclusive for hop in hops):
        return [*conditions, particles.c.depth <= len(hops)]
    return below(root, depth=len(hops))


def _learn_kinds(connection: sa.Connection, chunk: Sequence[Any], match: SelectorMatch) -> None:
    unknown = match.learn((row[0], row[1]) for row in chunk)
    if unknown:
        match.know((row[0], row[1]) for row in connection.execute(_KINDS, {"points": listing(unknown)}))
