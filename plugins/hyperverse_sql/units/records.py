"""Reading particles by their points."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from hyperverse_core.registry import ParticleRecord

from ..engine.expressions import listed, listing
from ..tables.rows import RECORD, RECORDS, record_of
from ..tables.schema import particles

__all__ = ["records_at"]

_AT = sa.select(*RECORD).select_from(RECORDS).where(particles.c.point.in_(listed("points")))


def records_at(connection: sa.Connection, points: Iterable[str]) -> dict[str, ParticleRecord]:
    """Returns the records of the registered ones among ``points``, keyed by the text of the point."""
    rows = connection.execute(_AT, {"points": listing(points)}).all()
    return {row[0]: record_of(row) for row in rows}
