"""Deleting subtrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import ChangeKind, ParticleRecord, refusals
from hyperverse_core.values import Point

from ..engine.expressions import EachText, FirstBehind, listed, listing
from ..engine.transaction import Transaction
from ..tables.rows import RECORD, RECORDS, record_of
from ..tables.schema import particles
from ..tables.subtree import below, first_below
from .grants import forget_grants
from .tokens import forget_tokens

__all__ = ["Deletion", "delete"]

# Records are made in Python: so many at a time that other threads do not wait long for Python's lock.
_CHUNK: Final = 500
_READ = sa.select(*RECORD).select_from(RECORDS)
_THESE = _READ.where(particles.c.point.in_(listed("points")))
# The points below a point are those between the text that they begin with and the first text behind all such.
_BEGIN: sa.ColumnElement[str] = sa.column("value", sa.Text)
_HOLDING = (
    sa.select(_BEGIN)
    .select_from(EachText(sa.bindparam("begins", type_=sa.Text)))
    .where(sa.exists().where(particles.c.point > _BEGIN, particles.c.point < FirstBehind(_BEGIN)))
)
# States go with their particles: ON DELETE CASCADE.
_DELETE = sa.delete(particles).where(particles.c.point.in_(listed("points")))


@attrs.frozen
class Deletion:
    """What to delete.

    Attributes:
        points: with everything below them.
        limit: how many particles at most; None for all.
    """

    points: tuple[Point, ...]
    limit: int | None = None


def delete(tx: Transaction, deletion: Deletion) -> list[ParticleRecord]:
    """Deletes each of the points with everything below it, and the grants and tokens that go with them."""
    points, limit = deletion.points, deletion.limit
    if any(point.is_root and point.route.is_local for point in points):
        raise refusals.root_stays()
    found: dict[str, sa.Row[Any]] = {}
    wanted = sorted(set(points))
    for start in range(0, len(wanted), _CHUNK):
        chunk = [point for point in wanted[start : start + _CHUNK] if point.text not in found]
        if limit is None:
            _find(tx, chunk, found)
        elif len(found) < limit:
            _find_some(tx, chunk, found, limit)
    if not found:
        return []
    # Children before their parents, whose text they continue. Segments would be counted for 5 ms in a deep branch.
    deleted = [found[text] for text in sorted(found, key=lambda text: (-len(text), text))]
    tx.connection.execute(_DELETE, {"points": listing(found)})
    forget_grants(tx, tuple(found))
    forget_tokens(tx, tuple(found))
    for row in deleted:
        # A first assignment, also of a particle that will be there later, begins behind the newest revision.
        tx.log(ChangeKind.DELETED, row[0], tx.revision if row.epoch is None else row.epoch)
    return [record_of(row) for row in deleted]


def _find(tx: Transaction, points: Sequence[Point], found: dict[str, sa.Row[Any]]) -> None:
    """Adds to ``found`` the rows at ``points`` and below them. Few of many points have children: one query finds
    those that do."""
    rows = tx.connection.execute(_THESE, {"points": listing(point.text for point in points)})
    found.update((row[0], row) for row in rows)
    for point in _holding(tx, points):
        found.update((row[0], row) for row in _below(tx, point))


def _find_some(tx: Transaction, points: Sequence[Point], found: dict[str, sa.Row[Any]], limit: int) -> None:
    """The same for as many as ``limit`` lets in, none before everything below it: a point is a prefix of what is below
    it, so that comes first in the opposite order."""
    for point in _holding(tx, points):
        query = _READ.where(*below(point)).order_by(particles.c.point.desc()).limit(limit - len(found))
        found.update((row[0], row) for row in tx.connection.execute(query))
        if len(found) >= limit:
            return
    rows = tx.connection.execute(_THESE, {"points": listing(point.text for point in points)}).all()
    for row in rows[: limit - len(found)]:
        found[row[0]] = row


def _holding(tx: Transaction, points: Sequence[Point]) -> list[Point]:
    """Those of ``points`` that have something below them, a root for sure."""
    begins = {first_below(point): point for point in points if not point.is_root}
    holding = tx.connection.execute(_HOLDING, {"begins": listing(begins)}).scalars().all()
    return [*(begins[begin] for begin in holding), *(point for point in points if point.is_root)]


def _below(tx: Transaction, point: Point) -> Iterator[sa.Row[Any]]:
    query = _READ.where(*below(point)).order_by(particles.c.point).limit(_CHUNK)
    chunk = tx.connection.execute(query).all()
    while chunk:
        yield from chunk
        chunk = tx.connection.execute(query.where(particles.c.point > chunk[-1].point)).all()
