"""Registering particles, and replacing registered ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from hyperverse_core.errors import Conflict, HyperverseError, NotFound
from hyperverse_core.registry import ChangeKind, ParticleRecord, Registered, Registration, Strategy
from hyperverse_core.values import Point

from ..engine.batch_statement import BatchStatement
from ..engine.transaction import Transaction
from ..tables.rows import NEW_ROW, new_row, properties_text
from ..tables.schema import particles, states
from ..tables.subtree import below
from .records import records_at

__all__ = ["override", "register"]

_AT = particles.c.point == sa.bindparam("at")
_INSERT = BatchStatement(particles.insert(), NEW_ROW)
_INSERT_STATE = BatchStatement(
    sa.insert(states).from_select(
        ["id", "state"],
        sa.select(particles.c.id, sa.bindparam("state", type_=sa.LargeBinary)).where(_AT),
    ),
    ("state", "at"),
)
_DROP_STATE = sa.delete(states).where(states.c.id == sa.select(particles.c.id).where(_AT).scalar_subquery())
_REPLACE = sa.update(particles).where(_AT)


def register(tx: Transaction, registrations: Sequence[Registration]) -> list[Registered | HyperverseError]:
    """Registers all particles; their strategies are Commit and Ensure."""
    parents = [_needed_parent(registration.point) for registration in registrations]
    wanted = {registration.point.text for registration in registrations}
    wanted.update([one.point.text for registration in registrations for one in registration.below])
    wanted.update([parent.text for parent in parents if parent is not None])
    known = records_at(tx.connection, wanted)
    rows: list[tuple[Any, ...]] = []
    first_states: list[tuple[Any, ...]] = []
    results: list[Registered | HyperverseError] = []
    for registration, parent in zip(registrations, parents, strict=True):
        point = registration.point
        if (existing := known.get(point.text)) is not None:
            results.append(_ensured(registration, existing))
            continue
        if parent is not None and parent.text not in known:
            results.append(_no_parent(point, parent))
            continue
        if registration.below and (error := _misplaced(registration, known)) is not None:
            results.append(error)
            continue
        for one in (registration, *registration.below):
            known[one.point.text] = _new_record(one)
            rows.append(new_row(one))
            if one.state is not None:
                first_states.append((one.state, one.point.text))
            tx.log(ChangeKind.REGISTERED, one.point.text)
        results.append(Registered(known[point.text], created=True))
    _INSERT.run(tx.connection, rows)
    if first_states:
        _INSERT_STATE.run(tx.connection, first_states)
    return results


def override(tx: Transaction, registration: Registration) -> Registered:
    """Registers a particle whose strategy is Override: replaces the one that is registered."""
    point = registration.point
    existing = records_at(tx.connection, (point.text,)).get(point.text)
    if existing is None:
        (result,) = register(tx, (registration,))
        if isinstance(result, HyperverseError):
            raise result
        return result
    if registration.below:
        raise _kept(point)
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
    }
    tx.connection.execute(_REPLACE.values(values), {"at": point.text})
    tx.connection.execute(_DROP_STATE, {"at": point.text})
    if registration.state is not None:
        _INSERT_STATE.run(tx.connection, [(registration.state, point.text)])
    if existing.assignment is not None:
        tx.log(ChangeKind.RELEASED, point.text, existing.assignment.epoch)
    tx.log(ChangeKind.REGISTERED, point.text)
    tx.log(ChangeKind.OWNER, point.text)  # its new owner and Kind may change what it may do, and what may be done to it
    return Registered(_new_record(registration), created=True)


def _misplaced(registration: Registration, known: Mapping[str, ParticleRecord]) -> HyperverseError | None:
    """What is wrong with those that are to be registered below: one is there already, or its parent is not."""
    there = {registration.point}
    for one in registration.below:
        point = one.point
        if point.text in known or point in there:
            return Conflict(f"there is a particle {point.text!r} already")
        parent = point.parent
        if parent is None or parent not in there:
            return _no_parent(point, parent or point)
        there.add(point)
    return None


def _kept(point: Point) -> Conflict:
    return Conflict(
        f"{point.text!r} is registered with what is below it, and cannot be replaced", hint="delete it first"
    )


def _needed_parent(point: Point) -> Point | None:
    """The parent that must be registered; None for ROOT and for the first point of another route."""
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
