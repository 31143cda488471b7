"""Writes about where particles live, and what they save there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import Conflict, HyperverseError, NotFound, NotHostedHere
from hyperverse_core.registry import Assigned, Assignment, ChangeKind, Status
from hyperverse_core.values import Point, StarKey

from . import sqlite
from .many import Many
from .schema import particles, stars, states
from .transaction import Transaction

__all__ = ["Assign", "Save", "assign", "release", "release_hosted", "save_states"]

_HELD = (particles.c.star, particles.c.incarnation, particles.c.epoch)
_ASSIGNMENTS = sa.select(particles.c.point, particles.c.id, *_HELD).where(
    particles.c.point.in_(sqlite.listed("points"))
)
_WITH_STATE = (
    sa.select(particles.c.point, *_HELD, states.c.state)
    .select_from(particles.outerjoin(states, states.c.id == particles.c.id))
    .where(particles.c.point.in_(sqlite.listed("points")))
)
_INCARNATIONS = sa.select(stars.c.key, stars.c.incarnation).where(
    stars.c.announced, stars.c.key.in_(sqlite.listed("keys"))
)
_AT = particles.c.point == sa.bindparam("at")
_PLACE: dict[str, Any] = {
    "star": sa.bindparam("to"),
    "incarnation": sa.bindparam("its"),
    "epoch": sa.bindparam("since"),
    "status": sa.text(f"'{Status.READY.value}'"),
}
_ASSIGN = Many(sa.update(particles).where(_AT).values(_PLACE), ("to", "its", "since", "at"))
_NOWHERE = {"star": sa.null(), "incarnation": sa.null(), "epoch": sa.null()}
_RELEASE = Many(sa.update(particles).where(_AT).values(_NOWHERE), ("at",))
# INSERT OR REPLACE in words that SQLite and PostgreSQL share.
_SAVE = Many(
    sa.text(
        "INSERT INTO states (id, state) VALUES (:id, :state) ON CONFLICT (id) DO UPDATE SET state = excluded.state"
    ),
    ("id", "state"),
)


@attrs.frozen
class Assign:
    """Argument of :func:`assign`."""

    point: Point
    star: StarKey
    incarnation: int
    expected: Assignment | None


def assign(tx: Transaction, wanted: Sequence[Assign]) -> list[Assigned | HyperverseError]:
    """Assigns all whose expectation holds."""
    rows = tx.connection.execute(_WITH_STATE, {"points": sqlite.listing({want.point.text for want in wanted})})
    present = {row[0]: (_assignment(row[1], row[2], row[3]), row[4]) for row in rows}
    living = _incarnations(tx, {str(want.star) for want in wanted})
    updates: dict[str, tuple[Any, ...]] = {}
    results: list[Assigned | HyperverseError] = []
    for want in wanted:
        point, key = want.point.text, str(want.star)
        if point not in present:
            results.append(NotFound(f"no particle {point!r}"))
            continue
        held, state = present[point]
        if held != want.expected:
            results.append(_assigned_otherwise(want, held))
        elif living.get(key) != want.incarnation:
            results.append(_star_is_gone(want.star, want.incarnation))
        else:
            # The revision as epoch: it grows for ever, also when a point is deleted and registered again.
            epoch = tx.log(ChangeKind.ASSIGNED, point)
            assignment = Assignment(want.star, want.incarnation, epoch)
            present[point] = (assignment, state)
            updates[point] = (key, want.incarnation, epoch, point)
            results.append(Assigned(assignment, state))
    _ASSIGN.run(tx.connection, list(updates.values()))
    return results


def _incarnations(tx: Transaction, keys: Iterable[str]) -> dict[str, int]:
    return dict(tx.connection.execute(_INCARNATIONS, {"keys": sqlite.listing(keys)}).all())


def _assignment(star: str | None, incarnation: int, epoch: int) -> Assignment | None:
    return None if star is None else Assignment(StarKey.parse(star), incarnation, epoch)


def _assigned_otherwise(want: Assign, held: Assignment | None) -> Conflict:
    where = "is not assigned" if held is None else f"is assigned to '{held.star}' (epoch {held.epoch})"
    return Conflict(f"particle {want.point.text!r} {where}, not as expected", hint="read its record and decide anew")


def _star_is_gone(star: StarKey, incarnation: int) -> NotHostedHere:
    return NotHostedHere(
        f"incarnation {incarnation} of star '{star}' is not the announced one",
        hint="its lease has ended, or it was announced again",
    )


def release(tx: Transaction, ended: Sequence[tuple[Point, Assignment]]) -> None:
    """Ends those assignments that still hold."""
    present = _assignments(tx, {point.text for point, _ in ended})
    released: set[str] = set()
    for point, assignment in ended:
        _, held = present.get(point.text, (0, None))
        if held == assignment and point.text not in released:
            released.add(point.text)
            tx.log(ChangeKind.RELEASED, point.text)
    _RELEASE.run(tx.connection, [(point,) for point in sorted(released)])


def release_hosted(tx: Transaction, star: str, *, before: int | None = None) -> None:
    """Releases everything that is assigned to ``star``, or to its incarnations below ``before``."""
    held = [particles.c.star == star]
    if before is not None:
        held.append(particles.c.incarnation < before)
    query = sa.select(particles.c.point).where(*held).order_by(particles.c.point)
    for point in tx.connection.execute(query).scalars():
        tx.log(ChangeKind.RELEASED, point)
    tx.connection.execute(sa.update(particles).where(*held).values(_NOWHERE))


@attrs.frozen
class Save:
    """Argument of :func:`save_states`."""

    point: Point
    assignment: Assignment
    state: bytes
    announce: bool


def save_states(tx: Transaction, saves: Sequence[Save]) -> list[HyperverseError | None]:
    """Saves the states of all whose assignment still holds."""
    present = _assignments(tx, {save.point.text for save in saves})
    rows: list[tuple[Any, ...]] = []
    results: list[HyperverseError | None] = []
    for save in saves:
        number, held = present.get(save.point.text, (0, None))
        if held != save.assignment:
            results.append(_lost(save))
            continue
        rows.append((number, save.state))
        if save.announce:
            tx.log(ChangeKind.STATE, save.point.text)
        results.append(None)
    _SAVE.run(tx.connection, rows)
    return results


def _assignments(tx: Transaction, points: Iterable[str]) -> dict[str, tuple[int, Assignment | None]]:
    rows = tx.connection.execute(_ASSIGNMENTS, {"points": sqlite.listing(points)})
    return {row[0]: (row[1], _assignment(row[2], row[3], row[4])) for row in rows}


def _lost(save: Save) -> NotHostedHere:
    held = save.assignment
    return NotHostedHere(
        f"particle {save.point.text!r} is no longer assigned to '{held.star}' (epoch {held.epoch}); "
        "its state was not saved"
    )
