"""Registering particles, and replacing registered ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hyperverse_core.errors import Conflict, HyperverseError
from hyperverse_core.registry import ChangeKind, ParticleRecord, Registered, Registration, refusals, stored_texts
from hyperverse_core.values import Point

from ..engine.batch_statement import BatchStatement
from ..engine.transaction import Transaction
from ..tables.rows import NEW_ROW, new_row
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
    """Registers all particles. Their strategies must be Commit or Ensure."""
    parents = [registration.needed_parent for registration in registrations]
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
            results.append(refusals.no_parent(point))
            continue
        if registration.below:
            taken = {one.point for one in registration.below if one.point.text in known}
            if (error := registration.misplaced(taken)) is not None:
                results.append(error)
                continue
        for one in (registration, *registration.below):
            known[one.point.text] = one.record()
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
    """Registers a particle whose strategy is Override: replaces the registered one."""
    point = registration.point
    existing = records_at(tx.connection, (point.text,)).get(point.text)
    if existing is None:
        (result,) = register(tx, (registration,))
        if isinstance(result, HyperverseError):
            raise result
        return result
    if registration.below:
        raise refusals.has_what_is_below(point)
    if existing.kind != registration.kind and (point.is_root or _has_children(tx, point)):
        raise refusals.has_children(point, existing.kind, registration.kind)
    values = {
        "kind": str(registration.kind),
        "owner": registration.owner.text,
        "status": registration.status.value,
        "properties": stored_texts.properties_text(registration.properties),
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
    tx.log(ChangeKind.OWNER, point.text)  # a new owner and Kind may change its permissions, and those of others on it
    return Registered(registration.record(), created=True)


def _ensured(registration: Registration, existing: ParticleRecord) -> Registered | HyperverseError:
    try:
        return registration.ensured(existing)
    except Conflict as error:
        return error


def _has_children(tx: Transaction, point: Point) -> bool:
    query = sa.select(particles.c.id).where(*below(point, depth=len(point.segments) + 1)).limit(1)
    return tx.connection.execute(query).first() is not None
