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

# Records are built in Python, in chunks of this size so that other threads do not wait long for the GIL.
_CHUNK: Final = 500
_READ = sa.select(*RECORD).select_from(RECORDS)
_THESE = _READ.where(particles.c.point.in_(listed("points")))
# The points below a point are between the text that they begin with and the first text after all such texts.
_BEGIN: sa.ColumnElement[str] = sa.column("value", sa.Text)
_HOLDING = (
    sa.select(_BEGIN)
    .select_from(EachText(sa.bindparam("begins", type_=sa.Text)))
    .where(sa.exists().where(particles.c.point > _BEGIN, particles.c.point < FirstBehind(_BEGIN)))
)
# States are deleted with their particles: ON DELETE CASCADE.
_DELETE = sa.delete(particles).where(particles.c.point.in_(listed("points")))


@attrs.frozen
class Deletion:
    """What to delete.

    Attributes:
        points: the points to delete, with everything below them.
        limit: maximum number of particles to delete; None for all.
    """

    points: tuple[Point, ...]
    limit: int | None = None


def delete(tx: Transaction, deletion: Deletion) -> list[ParticleRecord]:
    """Deletes each of the points with everything below it, and the grants and tokens that belong to them."""
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
    # Children before their parents, whose text is a prefix of theirs. Counting segments would take 5 ms in a deep
    # branch.
    deleted = [found[text] for text in sorted(found, key=lambda text: (-len(text), text))]
    tx.connection.execute(_DELETE, {"points": listing(found)})
    forget_grants(tx, tuple(found))
    forget_tokens(tx, tuple(found))
    for row in deleted:
        # A first assignment, even of a particle registered here later, begins after the newest revision.
        tx.log(ChangeKind.DELETED, row[0], tx.revision if row.epoch is None else row.epoch)
    return [record_of(row) for row in deleted]


def _find(tx: Transaction, points: Sequence[Point], found: dict[str, sa.Row[Any]]) -> None:
    """Adds to ``found`` the rows at ``points`` and below them. Usually few of many points have children: one query
    finds those that do."""
    rows = tx.connection.execute(_THESE, {"points": listing(point.text for point in points)})
    found.update((row[0], row) for row in rows)
    for point in _holding(tx, points):
        found.update((row[0], row) for row in _below(tx, point))


def _find_some(tx: Transaction, points: Sequence[Point], found: dict[str, sa.Row[Any]], limit: int) -> None:
    """Like :func:`_find`, up to ``limit`` rows, and each row only after everything below it: a point is a prefix of the
    points below it, so these come first in descending order."""
    for point in _holding(tx, points):
        query = _READ.where(*below(point)).order_by(particles.c.point.desc()).limit(limit - len(found))
        found.update((row[0], row) for row in tx.connection.execute(query))
        if len(found) >= limit:
            return
    rows = tx.connection.execute(_THESE, {"points": listing(point.text for point in points)}).all()
    for row in rows[: limit - len(found)]:
        found[row[0]] = row


def _holding(tx: Transaction, points: Sequence[Point]) -> list[Point]:
    """Returns those of ``points`` that have points below them; a root is always included."""
    begins = {first_below(point): point for point in points if not point.is_root}
    holding = tx.connection.execute(_HOLDING, {"begins": listing(begins)}).scalars().all()
    return [*(begins[begin] for begin in holding), *(point for point in points if point.is_root)]


def _below(tx: Transaction, point: Point) -> Iterator[sa.Row[Any]]:
    query = _READ.where(*below(point)).order_by(particles.c.point).limit(_CHUNK)
    chunk = tx.connection.execute(query).all()
    while chunk:
        yield from chunk
        chunk = tx.connection.execute(query.where(particles.c.point > chunk[-1].point)).all()
