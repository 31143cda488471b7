"""Deleting subtrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from hyperverse_core.contracts.registry import ChangeKind, ParticleRecord
from hyperverse_core.errors import Conflict
from hyperverse_core.universe.point import Point

from . import sqlite
from .grants import forget_grants
from .rows import RECORD, record_of
from .schema import particles
from .subtree import below
from .transaction import Transaction

__all__ = ["delete"]

# Records are made on the event loop's thread: as many at a time as do not keep others waiting.
_CHUNK: Final = 500
# States go with their particles: ON DELETE CASCADE.
_DELETE = sa.delete(particles).where(particles.c.point.in_(sqlite.listed("points")))


def delete(tx: Transaction, points: Sequence[Point]) -> list[ParticleRecord]:
    """Deletes each of ``points`` with everything below it, and the grants that go with them."""
    if any(point.is_root and point.route.is_local for point in points):
        raise Conflict("the root cannot be deleted", hint="delete what is below it")
    found: dict[str, ParticleRecord] = {}
    for point in sorted(set(points)):
        if point.text not in found:
            found.update((record.point.text, record) for record in _subtree(tx, point))
    if not found:
        return []
    deleted = sorted(found.values(), key=lambda record: (-len(record.point.segments), record.point))
    tx.connection.execute(_DELETE, {"points": sqlite.listing(found)})
    forget_grants(tx, tuple(found))
    for record in deleted:
        tx.log(ChangeKind.DELETED, record.point.text)
    return deleted


def _subtree(tx: Transaction, point: Point) -> Iterator[ParticleRecord]:
    itself = tx.connection.execute(sa.select(*RECORD).where(particles.c.point == point.text)).all()
    yield from map(record_of, itself)
    query = sa.select(*RECORD).where(*below(point)).order_by(particles.c.point).limit(_CHUNK)
    chunk = tx.connection.execute(query).all()
    while chunk:
        yield from map(record_of, chunk)
        chunk = tx.connection.execute(query.where(particles.c.point > chunk[-1].point)).all()
