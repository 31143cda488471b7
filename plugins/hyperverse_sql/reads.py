"""Reads of one thing."""

from __future__ import annotations

import sqlalchemy as sa

from hyperverse_core.values import Point

from .particles import missing
from .schema import particles, states

__all__ = ["load_state"]

_STATE = (
    sa.select(states.c.state)
    .select_from(particles.outerjoin(states, states.c.id == particles.c.id))
    .where(particles.c.point == sa.bindparam("at"))
)


def load_state(connection: sa.Connection, point: Point) -> bytes | None:
    """The saved state, None when there is none; raises NotFound for an unknown particle."""
    row = connection.execute(_STATE, {"at": point.text}).first()
    if row is None:
        raise missing((point,))
    return None if row.state is None else bytes(row.state)
