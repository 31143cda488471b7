"""Registering particles: what the database is sent, and what its answers mean."""

from __future__ import annotations

from typing import Any

from hyperverse_core.errors import Conflict, HyperverseError, NotFound
from hyperverse_core.registry import ParticleRecord, Registered, Registration, Strategy
from hyperverse_core.values import Point

from .rows import new_row

__all__ = ["ensured", "misplaced", "new_record", "no_parent", "rows_of"]


def rows_of(registration: Registration) -> tuple[list[list[Any]], tuple[bytes, ...]]:
    """The rows of a particle and of what is below it, and their states."""
    rows, states = [], []
    for one in (registration, *registration.below):
        row = new_row(one)
        if one.state is not None:
            states.append(one.state)
            row[8] = len(states)
        rows.append(row)
    return rows, tuple(states)


def misplaced(registration: Registration) -> HyperverseError | None:
    """What is wrong with those that are to be registered below: one is there twice, or its parent is not."""
    there = {registration.point}
    for one in registration.below:
        parent = one.point.parent
        if one.point in there:
            return Conflict(f"there is a particle {one.point.text!r} already")
        if parent is None or parent not in there:
            return no_parent(one.point, parent or one.point)
        there.add(one.point)
    return None


def new_record(registration: Registration) -> ParticleRecord:
    """The record of a particle that was just registered."""
    return ParticleRecord(
        registration.point,
        registration.kind,
        registration.owner,
        registration.status,
        properties=dict(registration.properties),
    )


def ensured(registration: Registration, existing: ParticleRecord) -> Registered:
    """The result for a point that is registered. Raises Conflict when strategy or Kind does not allow that."""
    point = registration.point
    if registration.strategy is Strategy.COMMIT:
        raise Conflict(f"there is a particle {point.text!r} already", hint="create? takes it as it is")
    if existing.kind != registration.kind:
        raise Conflict(
            f"there is a particle {point.text!r} already, a {str(existing.kind)!r} and not a {str(registration.kind)!r}"
        )
    return Registered(existing, created=False)


def no_parent(point: Point, parent: Point) -> NotFound:
    """The error for a particle whose parent is not registered."""
    return NotFound(f"no particle {parent.text!r} to hold {point.name!r}", hint=f"create {parent.text} first")
