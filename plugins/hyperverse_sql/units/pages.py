"""Reading many particles, in pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import Page, ParticleRecord
from hyperverse_core.values import HopKind, Kind, Point, Selector, StarKey

from ..engine.expressions import listed, listing
from ..engine.reader import begin_snapshot
from ..tables.rows import RECORD, RECORDS, record_of
from ..tables.schema import particles, stars
from ..tables.subtree import at_or_below, below, present_hyperverse

__all__ = ["children", "hosted", "select"]

# Rows are matched in Python: so many at a time that other threads do not wait long for Python's lock.
_CHUNK: Final = 500
_MOST_KINDS: Final = 50_000
_UNASKED = (Kind("Base"),)
"""Stands for the Kind of each segment when the selector asks for none: to know them would be half of the work."""
_KINDS = sa.select(particles.c.point, particles.c.kind).where(particles.c.point.in_(listed("points")))


def children(connection: sa.Connection, point: Point, after: Point | None, limit: int) -> Page:
    """A page of the direct children of ``point``."""
    return _page(connection, below(point, depth=len(point.segments) + 1), after, limit)


def hosted(connection: sa.Connection, star: StarKey, after: Point | None, limit: int) -> Page:
    """A page of the particles that are assigned to ``star``."""
    announced = sa.select(stars.c.incarnation).where(stars.c.key == str(star), stars.c.announced).scalar_subquery()
    return _page(connection, [particles.c.star == str(star), particles.c.incarnation == announced], after, limit)


def _page(
    connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]], after: Point | None, limit: int
) -> Page:
    limit = max(limit, 1)
    rows = connection.execute(_ordered(conditions, after, limit + 1)).all()
    return _of(tuple(record_of(row) for row in rows), limit)


def _ordered(conditions: Iterable[sa.ColumnElement[bool]], after: Point | None, limit: int) -> sa.Select[Any]:
    read = sa.select(*RECORD, particles.c.depth).select_from(RECORDS)
    query = read.where(*conditions).order_by(particles.c.point).limit(limit)
    return query if after is None else query.where(particles.c.point > after.text)


def _of(found: tuple[ParticleRecord, ...], limit: int) -> Page:
    """A page of ``limit`` records. The query asked for one more, to know whether there are more."""
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], after=found[limit - 1].point)


def select(connection: sa.Connection, selector: Selector, after: Point | None, limit: int) -> Page:
    """A page of the particles that ``selector`` matches. Reads the particles below its query root."""
    limit = max(limit, 1)
    begin_snapshot(connection)
    found: list[ParticleRecord] = []
    kinds: dict[str, Kind] = {}
    lines = _Lines(kinds)
    asks_kinds = any(not hop.kinds.is_any for hop in selector.hops)
    for chunk in _chunks(connection, selector, after):
        if asks_kinds:
            _learn_kinds(connection, chunk, kinds)
        for row in chunk:
            point = Point.parse(row[0])
            if selector.matches(point, lines.of(point) if asks_kinds else _UNASKED * row.depth):
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
    """Conditions that hold for all particles that ``selector`` can match.

    The query root itself is matched only by an exact selector, or when it is ROOT: a hop at which a path may end
    (``+``) is not a part of it.
    """
    root, hops = selector.query_root, selector.hops
    if selector.is_exact and len(root.segments) == len(hops):
        return [particles.c.point == root.text]
    if selector.anchor != root:  # it is the point of a hop at which a path may end: `app` of `app+:**`
        conditions = at_or_below(selector.anchor)
    else:
        conditions = present_hyperverse() if root.is_root else below(root)
    if any(hop.kind is HopKind.RECURSIVE for hop in hops):
        return conditions
    if selector.from_root or any(hop.inclusive for hop in hops):
        return [*conditions, particles.c.depth <= len(hops)]
    return below(root, depth=len(hops))


def _learn_kinds(connection: sa.Connection, chunk: Sequence[Any], kinds: dict[str, Kind]) -> None:
    """Adds to ``kinds`` the Kinds of the particles in ``chunk`` and of all particles above them."""
    if len(kinds) > _MOST_KINDS:
        kinds.clear()
    for row in chunk:
        kinds[row[0]] = Kind.parse(row[1])
    unknown: set[str] = set()
    for row in chunk:
        for point in Point.parse(row[0]).ancestors():
            if point.text in kinds or point.text in unknown:
                break
            unknown.add(point.text)
    if unknown:
        found = connection.execute(_KINDS, {"points": listing(unknown)})
        kinds.update((point, Kind.parse(kind)) for point, kind in found)


@attrs.define(eq=False)
class _Lines:
    """The Kinds on the way to each point. Those on the way to its parent are remembered, because the points come in
    order: without that, a branch of 800 levels would cost eighty times of 800 siblings.

    Attributes:
        kinds: the Kinds of all points that are asked for, and of those above them.
    """

    kinds: Mapping[str, Kind]
    _known: dict[str, tuple[Kind, ...]] = attrs.field(factory=dict)
    _size: int = 0

    def of(self, point: Point) -> Sequence[Kind]:
        """From the first segment to ``point`` itself."""
        parent = point.parent
        if parent is None:
            return ()
        return (*self._to(parent), self.kinds[point.text])

    def _to(self, point: Point) -> tuple[Kind, ...]:
        known = self._known.get(point.text)
        if known is not None:
            return known
        above: list[Kind] = []
        at: Point | None = point
        while at is not None and not at.is_root and known is None:
            above.append(self.kinds[at.text])
            at = at.parent
            known = None if at is None else self._known.get(at.text)
        line = (*(known or ()), *reversed(above))
        self._size += len(line)
        if self._size > _MOST_KINDS:
            self._known.clear()
            self._size = len(line)
        self._known[point.text] = line
        return line
