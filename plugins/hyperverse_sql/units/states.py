"""Saving and loading the states of particles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Assignment, ChangeKind, refusals
from hyperverse_core.values import Point

from ..engine.batch_statement import BatchStatement
from ..engine.transaction import Transaction
from ..tables.schema import particles, states
from .assignments import rows_held

__all__ = ["Save", "load_state", "save_states"]

_STATE = (
    sa.select(states.c.state)
    .select_from(particles.outerjoin(states, states.c.id == particles.c.id))
    .where(particles.c.point == sa.bindparam("at"))
)
# INSERT OR REPLACE, in the form that SQLite and PostgreSQL share.
_SAVE = BatchStatement(
    sa.text(
        "INSERT INTO states (id, state) VALUES (:id, :state) ON CONFLICT (id) DO UPDATE SET state = excluded.state"
    ),
    ("id", "state"),
)


@attrs.frozen
class Save:
    """Argument of :func:`save_states`."""

    point: Point
    assignment: Assignment
    state: bytes
    announce: bool


def save_states(tx: Transaction, saves: Sequence[Save]) -> list[HyperverseError | None]:
    """Saves the states of all particles whose assignment is still valid."""
    numbers = rows_held(tx, [(save.point, save.assignment) for save in saves])
    rows: list[tuple[Any, ...]] = []
    results: list[HyperverseError | None] = []
    for save, number in zip(saves, numbers, strict=True):
        if number is None:
            results.append(refusals.state_not_saved(save.point, save.assignment))
            continue
        rows.append((number, save.state))
        if save.announce:
            tx.log(ChangeKind.STATE, save.point.text)
        results.append(None)
    _SAVE.run(tx.connection, rows)
    return results


def load_state(connection: sa.Connection, point: Point) -> bytes | None:
    """Returns the saved state; None when there is none. Raises NotFound for a particle that is not registered."""
    row = connection.execute(_STATE, {"at": point.text}).first()
    if row is None:
        raise refusals.not_registered((point,))
    return None if row.state is None else bytes(row.state)
