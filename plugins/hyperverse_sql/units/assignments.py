"""Assigning particles to stars, and releasing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Assigned, Assignment, ChangeKind, Status, refusals
from hyperverse_core.values import Point, StarKey

from ..engine.batch_statement import BatchStatement
from ..engine.expressions import listed, listing
from ..engine.transaction import Transaction
from ..tables.rows import RECORDS
from ..tables.schema import particles, stars, states

__all__ = ["Assign", "assign", "release", "rows_held"]

_HELD = (particles.c.star, particles.c.incarnation, particles.c.epoch, stars.c.key)
_ASSIGNMENTS = (
    sa.select(particles.c.point, particles.c.id, *_HELD)
    .select_from(RECORDS)
    .where(particles.c.point.in_(listed("points")))
)
_WITH_STATE = (
    sa.select(particles.c.point, *_HELD, states.c.state)
    .select_from(RECORDS.outerjoin(states, states.c.id == particles.c.id))
    .where(particles.c.point.in_(listed("points")))
)
_INCARNATIONS = sa.select(stars.c.key, stars.c.incarnation).where(stars.c.announced, stars.c.key.in_(listed("keys")))
_AT = particles.c.point == sa.bindparam("at")
_PLACE: dict[str, Any] = {
    "star": sa.bindparam("to"),
    "incarnation": sa.bindparam("its"),
    "epoch": sa.bindparam("since"),
    "status": sa.text(f"'{Status.READY.value}'"),
}
_ASSIGN = BatchStatement(sa.update(particles).where(_AT).values(_PLACE), ("to", "its", "since", "at"))
_NOWHERE = {"star": sa.null(), "incarnation": sa.null()}
_RELEASE = BatchStatement(sa.update(particles).where(_AT).values(_NOWHERE), ("at",))


_Last: TypeAlias = tuple[Assignment | None, Assignment | None, int | None]
"""The last assignment of a particle: the assignment if it is valid, the assignment as made unless it was released, and
its epoch in either case; None where there is none. A tuple, because each of thousands of assignments makes two."""


def _last(star: str | None, incarnation: int, epoch: int | None, announced: str | None) -> _Last:
    """Returns the last assignment in the columns ``_HELD`` of a row."""
    if star is None or epoch is None:
        return None, None, epoch
    made = Assignment(StarKey.parse(star), incarnation, epoch)
    return (None if announced is None else made), made, epoch


@attrs.frozen
class Assign:
    """Argument of :func:`assign`."""

    point: Point
    star: StarKey
    incarnation: int
    expected: Assignment | None


def assign(tx: Transaction, wanted: Sequence[Assign]) -> list[Assigned | HyperverseError]:
    """Assigns all particles whose current assignment is the expected one."""
    rows = tx.connection.execute(_WITH_STATE, {"points": listing({want.point.text for want in wanted})}).all()
    present = {row[0]: (_last(row[1], row[2], row[3], row[4]), row[5]) for row in rows}
    living = _incarnations(tx, {str(want.star) for want in wanted})
    updates: dict[str, tuple[Any, ...]] = {}
    results: list[Assigned | HyperverseError] = []
    for want in wanted:
        point, key = want.point.text, str(want.star)
        if point not in present:
            results.append(refusals.not_registered((want.point,)))
            continue
        (held, made, last), state = present[point]
        # An assignment that is no longer valid counts as none, even if the caller read it while it was valid.
        if want.expected not in (held, made):
            results.append(refusals.assigned_otherwise(want.point, held))
        elif living.get(key) != want.incarnation:
            results.append(refusals.incarnation_not_announced(want.star, want.incarnation))
        else:
            # A first epoch begins after the newest revision: no epoch of this point can be greater, because each was
            # an entry of the feed too. So epochs grow even when a point is deleted and registered again.
            epoch = (tx.revision if last is None else last) + 1
            tx.log(ChangeKind.ASSIGNED, point, epoch)
            assignment = Assignment(want.star, want.incarnation, epoch)
            present[point] = ((assignment, assignment, epoch), state)
            updates[point] = (key, want.incarnation, epoch, point)
            results.append(Assigned(assignment, state))
    _ASSIGN.run(tx.connection, list(updates.values()))
    return results


def _incarnations(tx: Transaction, keys: Iterable[str]) -> dict[str, int]:
    return dict(tx.connection.execute(_INCARNATIONS, {"keys": listing(keys)}).all())


def release(tx: Transaction, ended: Sequence[tuple[Point, Assignment]]) -> None:
    """Ends those assignments that are still valid."""
    released: set[str] = set()
    for (point, assignment), number in zip(ended, rows_held(tx, ended), strict=True):
        if number is not None and point.text not in released:
            released.add(point.text)
            tx.log(ChangeKind.RELEASED, point.text, assignment.epoch)
    _RELEASE.run(tx.connection, [(point,) for point in sorted(released)])


def rows_held(tx: Transaction, held: Sequence[tuple[Point, Assignment]]) -> list[int | None]:
    """Returns the row number of each particle that is validly assigned as given, and None for every other particle.

    It compares columns, because thousands of states are saved each second: an :class:`Assignment` for each row would
    cost more than the comparison. All rows are fetched at once: one after another takes SQLAlchemy twice as long."""
    found = tx.connection.execute(_ASSIGNMENTS, {"points": listing({point.text for point, _ in held})}).all()
    rows = {row[0]: row for row in found if row[5] is not None}
    numbers: list[int | None] = []
    for point, assignment in held:
        row = rows.get(point.text)
        same = row is not None and row[2:5] == (str(assignment.star), assignment.incarnation, assignment.epoch)
        numbers.append(row[1] if row is not None and same else None)
    return numbers
