"""Changing registered particles: status, properties, owner, sequence."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import ChangeKind, ParticleRecord, Status, refusals, stored_texts
from hyperverse_core.values import Point, SetProperty, UnsetProperty

from ..engine.batch_statement import BatchStatement
from ..engine.expressions import listed, listing
from ..engine.transaction import Transaction
from ..tables.schema import particles
from .records import records_at

__all__ = [
    "OwnerChange",
    "PropertyUpdate",
    "Replacement",
    "chown",
    "next_numbers",
    "replace_values",
    "set_properties",
    "set_status",
]


def _setting(column: str) -> BatchStatement:
    """Returns a statement that sets ``column`` of the particle at a point. Its rows are pairs of value and point."""
    at = particles.c.point == sa.bindparam("at")
    return BatchStatement(sa.update(particles).where(at).values({column: sa.bindparam("value")}), ("value", "at"))


_SET_STATUS = _setting("status")
_SET_PROPERTIES = _setting("properties")
_SET_OWNER = _setting("owner")
_SET_SEQUENCE = _setting("sequence")
_SEQUENCES = sa.select(particles.c.point, particles.c.sequence).where(particles.c.point.in_(listed("points")))
_STATUSES = sa.select(particles.c.point, particles.c.status).where(particles.c.point.in_(listed("points")))


def set_status(tx: Transaction, updates: Sequence[tuple[Point, Status]]) -> list[HyperverseError | None]:
    """Sets the statuses of all particles that are registered."""
    points = {point.text for point, _ in updates}
    known = dict(tx.connection.execute(_STATUSES, {"points": listing(points)}).all())
    results: list[HyperverseError | None] = []
    changed: dict[str, str] = {}
    for point, status in updates:
        before = known.get(point.text)
        results.append(refusals.not_registered((point,)) if before is None else None)
        if before is not None and before != status.value:
            known[point.text] = changed[point.text] = status.value
            tx.log(ChangeKind.STATUS, point.text)
    _SET_STATUS.run(tx.connection, [(status, point) for point, status in changed.items()])
    return results


def next_numbers(tx: Transaction, points: Sequence[Point]) -> list[int | HyperverseError]:
    """Returns the next number of each point's own counter; a point that occurs twice takes two numbers."""
    asked = listing({point.text for point in points})
    reached = dict(tx.connection.execute(_SEQUENCES, {"points": asked}).all())
    results: list[int | HyperverseError] = []
    for point in points:
        if point.text not in reached:
            results.append(refusals.not_registered((point,)))
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
    """Applies the changes to all points, or raises and changes none."""
    known = _all_of(tx, update.points)
    rows: list[tuple[str | None, str]] = []
    for record in known.values():
        after = record.changed(update.changes)
        if after != record.properties:
            rows.append((stored_texts.properties_text(after), record.point.text))
    _SET_PROPERTIES.run(tx.connection, rows)
    for _, point in rows:
        tx.log(ChangeKind.PROPERTIES, point)


@attrs.frozen
class Replacement:
    """Argument of :func:`replace_values`."""

    point: Point
    values: tuple[tuple[str, str, str], ...]
    """Key, the value that was read, and the new value."""


def replace_values(tx: Transaction, replacement: Replacement) -> bool:
    """Writes property values in another form, if they still are as they were read."""
    record = records_at(tx.connection, {replacement.point.text}).get(replacement.point.text)
    if record is None:
        return False
    after = record.replaced({key: (was, now) for key, was, now in replacement.values})
    if after is None:
        return False
    _SET_PROPERTIES.run(tx.connection, [(stored_texts.properties_text(after), record.point.text)])
    tx.log(ChangeKind.PROPERTIES, record.point.text)
    return True


@attrs.frozen
class OwnerChange:
    """Argument of :func:`chown`."""

    points: tuple[Point, ...]
    owner: Point


def chown(tx: Transaction, change: OwnerChange) -> None:
    """Changes the owner of all points, or raises and changes none."""
    known = _all_of(tx, change.points)
    given = [record.point.text for record in known.values() if record.owner != change.owner]
    _SET_OWNER.run(tx.connection, [(change.owner.text, point) for point in given])
    for point in given:
        tx.log(ChangeKind.OWNER, point)


def _all_of(tx: Transaction, points: Sequence[Point]) -> dict[str, ParticleRecord]:
    known = records_at(tx.connection, {point.text for point in points})
    absent = [point for point in dict.fromkeys(points) if point.text not in known]
    if absent:
        raise refusals.not_registered(absent)
    return known
