"""Writes to particles: registering, replacing, status, properties, owners, sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import Conflict, HyperverseError, NotFound
from hyperverse_core.registry import (
    ChangeKind,
    ParticleRecord,
    PropertyValue,
    Registered,
    Registration,
    Status,
    Strategy,
)
from hyperverse_core.values import Point, SetProperty, UnsetProperty

from . import sqlite
from .lookups import records_at
from .many import Many
from .rows import NEW_ROW, new_row, properties_text
from .schema import particles, states
from .subtree import below
from .transaction import Transaction

__all__ = [
    "Chown",
    "PropertyUpdate",
    "chown",
    "next_numbers",
    "override",
    "register",
    "set_properties",
    "set_status",
]

_AT = particles.c.point == sa.bindparam("at")


def _setting(column: str) -> Many:
    """Sets ``column`` of the particle at a point: rows of (value, point)."""
    return Many(sa.update(particles).where(_AT).values({column: sa.bindparam("value")}), ("value", "at"))


_INSERT = Many(particles.insert(), NEW_ROW)
_INSERT_STATE = Many(
    sa.insert(states).from_select(
        ["id", "state"],
        sa.select(particles.c.id, sa.bindparam("state", type_=sa.LargeBinary)).where(_AT),
    ),
    ("state", "at"),
)
_DROP_STATE = sa.delete(states).where(states.c.id == sa.select(particles.c.id).where(_AT).scalar_subquery())
_REPLACE = sa.update(particles).where(_AT)
_SET_STATUS = _setting("status")
_SET_PROPERTIES = _setting("properties")
_SET_OWNER = _setting("owner")
_SET_SEQUENCE = _setting("sequence")
_SEQUENCES = sa.select(particles.c.point, particles.c.sequence).where(particles.c.point.in_(sqlite.listed("points")))
_STATUSES = sa.select(particles.c.point, particles.c.status).where(particles.c.point.in_(sqlite.listed("points")))


def register(tx: Transaction, registrations: Sequence[Registration]) -> list[Registered | HyperverseError]:
    """Registers all that have strategy Commit or Ensure."""
    wanted = {registration.point.text for registration in registrations}
    parents = (_needed_parent(registration.point) for registration in registrations)
    known = records_at(tx.connection, wanted.union(parent.text for parent in parents if parent is not None))
    rows: list[tuple[Any, ...]] = []
    first_states: list[tuple[Any, ...]] = []
    results: list[Registered | HyperverseError] = []
    for registration in registrations:
        point = registration.point
        if (existing := known.get(point.text)) is not None:
            results.append(_ensured(registration, existing))
            continue
        parent = _needed_parent(point)
        if parent is not None and parent.text not in known:
            results.append(_no_parent(point, parent))
            continue
        record = known[point.text] = _new_record(registration)
        rows.append(new_row(registration))
        if registration.state is not None:
            first_states.append((registration.state, point.text))
        tx.log(ChangeKind.REGISTERED, point.text)
        results.append(Registered(record, created=True))
    _INSERT.run(tx.connection, rows)
    _INSERT_STATE.run(tx.connection, first_states)
    return results


def override(tx: Transaction, registration: Registration) -> Registered:
    """Registers one that has strategy Override: replaces what is there."""
    point = registration.point
    existing = records_at(tx.connection, (point.text,)).get(point.text)
    if existing is None:
        (result,) = register(tx, (registration,))
        if isinstance(result, HyperverseError):
            raise result
        return result
    if existing.kind != registration.kind and (point.is_root or _has_children(tx, point)):
        raise Conflict(
            f"{point.text!r} has children and stays a {str(existing.kind)!r}; it cannot become "
            f"a {str(registration.kind)!r}",
            hint="delete it first, with all that is below it",
        )
    values = {
        "kind": str(registration.kind),
        "owner": registration.owner.text,
        "status": registration.status.value,
        "properties": properties_text(registration.properties),
        "star": None,
        "incarnation": None,
        "epoch": None,
    }
    tx.connection.execute(_REPLACE.values(values), {"at": point.text})
    tx.connection.execute(_DROP_STATE, {"at": point.text})
    if registration.state is not None:
        _INSERT_STATE.run(tx.connection, [(registration.state, point.text)])
    if existing.assignment is not None:
        tx.log(ChangeKind.RELEASED, point.text)
    tx.log(ChangeKind.REGISTERED, point.text)
    tx.log(ChangeKind.OWNER, point.text)  # what may be done to it and by it may be another by now
    return Registered(_new_record(registration), created=True)


def _needed_parent(point: Point) -> Point | None:
    """The parent that has to be there; None for ROOT and for the first point of another route."""
    parent = point.parent
    return None if parent is None or (parent.is_root and not point.route.is_local) else parent


def _ensured(registration: Registration, existing: ParticleRecord) -> Registered | HyperverseError:
    if registration.strategy is Strategy.COMMIT:
        return Conflict(f"there is a particle {registration.point.text!r} already", hint="create? takes it as it is")
    if existing.kind != registration.kind:
        return Conflict(
            f"there is a particle {registration.point.text!r} already, a {str(existing.kind)!r} and not "
            f"a {str(registration.kind)!r}"
        )
    return Registered(existing, created=False)


def _no_parent(point: Point, parent: Point) -> NotFound:
    return NotFound(f"no particle {parent.text!r} to hold {point.name!r}", hint=f"create {parent.text} first")


def _new_record(registration: Registration) -> ParticleRecord:
    return ParticleRecord(
        registration.point,
        registration.kind,
        registration.owner,
        registration.status,
        properties=dict(registration.properties),
    )


def _has_children(tx: Transaction, point: Point) -> bool:
    query = sa.select(particles.c.id).where(*below(point, depth=len(point.segments) + 1)).limit(1)
    return tx.connection.execute(query).first() is not None


def set_status(tx: Transaction, updates: Sequence[tuple[Point, Status]]) -> list[HyperverseError | None]:
    """Sets the status of all."""
    points = {point.text for point, _ in updates}
    known = dict(tx.connection.execute(_STATUSES, {"points": sqlite.listing(points)}).all())
    results: list[HyperverseError | None] = []
    changed: dict[str, str] = {}
    for point, status in updates:
        before = known.get(point.text)
        results.append(missing((point,)) if before is None else None)
        if before is not None and before != status.value:
            known[point.text] = changed[point.text] = status.value
            tx.log(ChangeKind.STATUS, point.text)
    _SET_STATUS.run(tx.connection, [(status, point) for point, status in changed.items()])
    return results


def next_numbers(tx: Transaction, points: Sequence[Point]) -> list[int | HyperverseError]:
    """The next number of each point's own counter; a point that occurs twice takes two."""
    asked = sqlite.listing({point.text for point in points})
    reached = dict(tx.connection.execute(_SEQUENCES, {"points": asked}).all())
    results: list[int | HyperverseError] = []
    for point in points:
        if point.text not in reached:
            results.append(missing((point,)))
            continue
        reached[point.text] += 1
        results.append(reached[point.text])
    _SET_SEQUENCE.run(tx.connection, [(number, point) for point, number in reached.items()])
    return results


@attrs.frozen
class PropertyUpdate:
    """Argument of :func:`set_properties`."""

    points: tuple[Point, ...]
    changes: tuple[SetProperty | UnsetProperty, ...]


def set_properties(tx: Transaction, update: PropertyUpdate) -> None:
    """Applies the changes to every point, or raises."""
    known = _all_of(tx, update.points)
    rows: list[tuple[str | None, str]] = []
    for record in known.values():
        after = _changed(record, update.changes)
        if after != record.properties:
            rows.append((properties_text(after), record.point.text))
    _SET_PROPERTIES.run(tx.connection, rows)
    for _, point in rows:
        tx.log(ChangeKind.PROPERTIES, point)


def _changed(record: ParticleRecord, changes: Iterable[SetProperty | UnsetProperty]) -> dict[str, PropertyValue]:
    after = dict(record.properties)
    for change in changes:
        present = after.get(change.key)
        if isinstance(change, UnsetProperty):
            if present is not None and present.locked:
                raise _locked(record.point, change.key)
            after.pop(change.key, None)
        elif present is not None and present.locked:
            if present.value != change.value:
                raise _locked(record.point, change.key)
        else:
            after[change.key] = PropertyValue(change.value, change.lock)
    return after


def _locked(point: Point, key: str) -> Conflict:
    return Conflict(f"property {key!r} of {point.text!r} is locked", hint="a locked property stays as it is")


@attrs.frozen
class Chown:
    """Argument of :func:`chown`."""

    points: tuple[Point, ...]
    owner: Point


def chown(tx: Transaction, change: Chown) -> None:
    """Gives every point to the owner, or raises."""
    known = _all_of(tx, change.points)
    given = [record.point.text for record in known.values() if record.owner != change.owner]
    _SET_OWNER.run(tx.connection, [(change.owner.text, point) for point in given])
    for point in given:
        tx.log(ChangeKind.OWNER, point)


def _all_of(tx: Transaction, points: Sequence[Point]) -> dict[str, ParticleRecord]:
    known = records_at(tx.connection, {point.text for point in points})
    absent = [point for point in dict.fromkeys(points) if point.text not in known]
    if absent:
        raise missing(absent)
    return known


def missing(points: Sequence[Point]) -> NotFound:
    """The error for particles that are not there."""
    names = ", ".join(repr(point.text) for point in points[:5])
    more = f" and {len(points) - 5} more" if len(points) > 5 else ""
    return NotFound(f"no particle {names}{more}")
