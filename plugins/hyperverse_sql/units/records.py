"""Reading particles by their points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from hyperverse_core.errors import NotFound
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import Point

from ..engine.expressions import listed, listing
from ..tables.rows import RECORD, RECORDS, record_of
from ..tables.schema import particles

__all__ = ["missing", "records_at"]

_AT = sa.select(*RECORD).select_from(RECORDS).where(particles.c.point.in_(listed("points")))
_NAMED = 5


def records_at(connection: sa.Connection, points: Iterable[str]) -> dict[str, ParticleRecord]:
    """The records of those of ``points`` that are registered, by the text of the point."""
    rows = connection.execute(_AT, {"points": listing(points)})
    return {row[0]: record_of(row) for row in rows}


def missing(points: Sequence[Point]) -> NotFound:
    """The error for particles that are not registered."""
    names = ", ".join(repr(point.text) for point in points[:_NAMED])
    more = f" and {len(points) - _NAMED} more" if len(points) > _NAMED else ""
    return NotFound(f"no particle {names}{more}")
