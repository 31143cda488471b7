"""Converts rows to values, and values to rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.registry import Assignment, ParticleRecord, Registration, StarRecord, Status, stored_texts
from hyperverse_core.values import Kind, Point, StarKey

from .schema import particles, stars

__all__ = [
    "HELD",
    "NEW_ROW",
    "RECORD",
    "RECORDS",
    "STAR",
    "new_row",
    "record_of",
    "star_of",
    "star_row",
]

HELD: Final = sa.and_(
    stars.c.key == particles.c.star, stars.c.incarnation == particles.c.incarnation, stars.c.announced
)
"""Condition: the assignment in a row is valid."""
RECORD: Final[tuple[sa.Column[Any], ...]] = (
    particles.c.point,
    particles.c.kind,
    particles.c.owner,
    particles.c.status,
    particles.c.properties,
    stars.c.key,
    particles.c.incarnation,
    particles.c.epoch,
)
"""The columns of a record. They are read from :data:`RECORDS`."""
RECORDS: Final = particles.outerjoin(stars, HELD)
STAR: Final[tuple[sa.Column[Any], ...]] = tuple(stars.c)

NEW_ROW: Final = ("point", "route", "depth", "kind", "owner", "status", "properties", "sequence")

_STATUS: Final = {status.value: status for status in Status}


def record_of(row: Sequence[Any]) -> ParticleRecord:
    """Returns the record in a row that begins with the columns of :data:`RECORD`."""
    point, kind, owner, status, properties, star, incarnation, epoch = row[:8]
    return ParticleRecord(
        Point.parse(point),
        Kind.parse(kind),
        Point.parse(owner),
        _STATUS.get(status, Status.UNKNOWN),
        None if star is None else Assignment(StarKey.parse(star), incarnation, epoch),
        stored_texts.properties_of(properties) if properties else {},
    )


def new_row(registration: Registration) -> tuple[Any, ...]:
    """Returns the values of the columns :data:`NEW_ROW` for a new particle."""
    point = registration.point
    return (
        point.text,
        point.route.prefix if "::" in point.text else "",
        point.depth,
        str(registration.kind),
        registration.owner.text,
        str(registration.status),  # see `Transaction.log`
        stored_texts.properties_text(registration.properties) if registration.properties else None,
        0,
    )


def star_of(row: Any) -> StarRecord:
    """Returns the star in a row of :data:`STAR`."""
    # By position: every machine reads several stars several times a second, and reading by name doubles the cost.
    key, _, kind, machine, address, public, kinds, links, *rest, pid, facts = row
    particles, incarnation, renewals, lease, draining = rest
    return StarRecord(
        StarKey.parse(key),
        kind,
        machine,
        address,
        public,
        *stored_texts.two_lists(kinds, links),
        particles,
        incarnation,
        renewals,
        lease,
        draining,
        pid,
        facts,
    )


def star_row(star: StarRecord) -> dict[str, Any]:
    """Returns the values of a row for an announced ``star``, without its incarnation and its renewals."""
    return {
        "key": str(star.key),
        "announced": True,
        "kind": star.kind,
        "machine": star.machine,
        "pid": star.pid,
        "address": star.address,
        "door_key": star.server_key,
        "kinds": json.dumps(star.kinds),
        "links": json.dumps(star.links),
        "particles": star.particles,
        "lease": star.lease,
        "draining": star.draining,
        "facts": star.facts,
    }
