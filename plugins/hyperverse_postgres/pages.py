"""Reads many particles in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from hyperverse_core.registry import Page, ParticleRecord, SelectorMatch
from hyperverse_core.values import HopKind, Point, Selector, StarKey

from .link import Connection
from .reader import PostgresReader
from .rows import RECORD, first_below, record_of
from .schema import named

__all__ = ["children", "hosted", "select"]

# Rows are matched in Python, in chunks small enough that the event loop and other reads do not wait long.
_CHUNK: Final = 500
_KINDS: Final = "select point, kind from hv.particles where point = any($1::text[])"


@attrs.define
class _Conditions:
    """Conditions of a query, with their arguments."""

    texts: list[str] = attrs.field(factory=list)
    arguments: list[Any] = attrs.field(factory=list)

    def add(self, text: str, *arguments: Any) -> None:
        """Adds a condition; ``{}`` stands for each argument."""
        places = [f"${len(self.arguments) + place}" for place in range(1, len(arguments) + 1)]
        self.texts.append(text.format(*places))
        self.arguments += arguments


def _below(point: Point, depth: int | None = None) -> _Conditions:
    """Conditions for the points below ``point``; with ``depth``, only those that have that many segments."""
    found = _Conditions()
    if depth is None:
        # Nearly all points are on the same route. Appending the empty string keeps the database from using an index
        # that is not in the order of the points.
        found.add("p.route || '' = {}", point.route.prefix)
    else:
        found.add("p.route = {} and p.depth = {}", point.route.prefix, depth)
    if point.is_root:
        if depth is None:
            found.add("p.depth > 0")
        return found
    found.add("p.point > {} and p.point < {}", *first_below(point))
    return found


def _at_or_below(point: Point) -> _Conditions:
    """Conditions for ``point``, which is not ROOT, and the points below it: one range, and the part of it to leave
    out."""
    first, behind = first_below(point)
    found = _Conditions()
    found.add("p.route || '' = {}", point.route.prefix)
    found.add("p.point >= {} and p.point < {}", point.text, behind)
    found.add("(p.point = {} or p.point > {})", point.text, first)
    return found


async def children(reader: PostgresReader, schema: str, point: Point, after: Point | None, limit: int) -> Page:
    """Returns a page of the direct children of ``point``."""
    return await _page(reader, schema, _below(point, len(point.segments) + 1), after, limit)


async def hosted(reader: PostgresReader, schema: str, star: StarKey, after: Point | None, limit: int) -> Page:
    """Returns a page of the particles assigned to ``star``."""
    conditions = _Conditions()
    conditions.add("p.star = {} and s.key is not null", str(star))
    return await _page(reader, schema, conditions, after, limit)


async def _page(reader: PostgresReader, schema: str, conditions: _Conditions, after: Point | None, limit: int) -> Page:
    limit = max(limit, 1)

    async def ask(connection: Connection) -> Sequence[Any]:
        return await _rows(connection, schema, conditions, after, limit + 1)

    return _of([record_of(row) for row in await reader.read(ask)], limit)


async def _rows(
    connection: Connection, schema: str, conditions: _Conditions, after: Point | None, limit: int
) -> Sequence[Any]:
    texts, arguments = list(conditions.texts), list(conditions.arguments)
    if after is not None:
        arguments.append(after.text)
        texts.append(f"p.point > ${len(arguments)}")
    where = " and ".join(texts) or "true"
    arguments.append(limit)
    query = f"{RECORD} where {where} order by p.point limit ${len(arguments)}"
    rows: Sequence[Any] = await connection.fetch(named(query, schema), *arguments)
    return rows


def _of(found: Sequence[ParticleRecord], limit: int) -> Page:
    """Returns a page of ``limit`` records. The query asked for one more to find out whether there are more."""
    if len(found) <= limit:
        return Page(tuple(found))
    return Page(tuple(found[:limit]), after=found[limit - 1].point)


async def select(reader: PostgresReader, schema: str, selector: Selector, after: Point | None, limit: int) -> Page:
    """Returns a page of the particles that ``selector`` matches. Reads the particles below its query root."""
    limit = max(limit, 1)
    conditions = _candidates(selector)
    match = SelectorMatch(selector)
    found: list[ParticleRecord] = []
    while True:
        # Other reads take their turn between two chunks.
        async def ask(connection: Connection, after: Point | None = after) -> Sequence[Any]:
            rows = await _rows(connection, schema, conditions, after, _CHUNK)
            await _learn_kinds(connection, schema, rows, match)
            return rows

        chunk = await reader.read(ask)
        for row in chunk:
            if match.matches(Point.parse(row[0])):
                found.append(record_of(row))
                if len(found) > limit:
                    return _of(found, limit)
        if len(chunk) < _CHUNK:
            return _of(found, limit)
        after = Point.parse(chunk[-1][0])


def _candidates(selector: Selector) -> _Conditions:
    """Conditions that hold for all particles that ``selector`` can match.

    Only an exact selector matches the query root itself, or any selector when it is ROOT: a hop at which a path may end
    (``+``) is not part of it.
    """
    root, hops = selector.query_root, selector.hops
    if selector.is_exact and len(root.segments) == len(hops):
        exact = _Conditions()
        exact.add("p.point = {}", root.text)
        return exact
    if selector.anchor != root:  # it is the point of a hop at which a path may end: `app` of `app+:**`
        conditions = _at_or_below(selector.anchor)
    elif root.is_root:
        conditions = _Conditions()
        conditions.add("p.route || '' = {}", "")
    else:
        conditions = _below(root)
    if any(hop.kind is HopKind.RECURSIVE for hop in hops):
        return conditions
    if selector.from_root or any(hop.inclusive for hop in hops):
        conditions.add("p.depth <= {}", len(hops))
        return conditions
    return _below(root, len(hops))


async def _learn_kinds(connection: Connection, schema: str, chunk: Sequence[Any], match: SelectorMatch) -> None:
    unknown = match.learn((row[0], row[1]) for row in chunk)
    if unknown:
        match.know((row[0], row[1]) for row in await connection.fetch(named(_KINDS, schema), unknown))
