"""Converts rows to values, and values to rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hyperverse_core.registry import Assignment, ParticleRecord, Registration, StarRecord, Status, stored_texts
from hyperverse_core.values import Kind, Point, StarKey

__all__ = [
    "RECORD",
    "SOME_STARS",
    "STAR",
    "first_below",
    "new_row",
    "record_of",
    "star_of",
]

# An assignment is valid as long as its star is announced in that incarnation.
RECORD: Final = """
select p.point, p.kind, p.owner, p.status, p.properties, s.key, p.incarnation, p.epoch
from hv.particles p
left join hv.stars s on s.key = p.star and s.incarnation = p.incarnation and s.announced
"""
STAR: Final = """
select key, kind, machine, address, door_key, kinds, links, particles, incarnation, renewals, lease, draining, pid,
       facts
from hv.stars where announced
"""
SOME_STARS: Final = f"{STAR.rstrip()} and key = any($1::text[])"
_STATUS: Final = {status.value: status for status in Status}


def record_of(row: Sequence[Any]) -> ParticleRecord:
    """Returns the record in a row of :data:`RECORD`."""
    point, kind, owner, status, properties, star, incarnation, epoch = row
    return ParticleRecord(
        Point.parse(point),
        Kind.parse(kind),
        Point.parse(owner),
        _STATUS.get(status, Status.UNKNOWN),
        None if star is None else Assignment(StarKey.parse(star), incarnation, epoch),
        stored_texts.properties_of(properties),
    )


def new_row(registration: Registration) -> list[Any]:
    """Returns what a database function needs for a new particle: its columns, its parent, and a place for the number of
    its state."""
    point = registration.point
    parent = registration.needed_parent
    return [
        point.text,
        point.route.prefix if point.body_start else "",
        point.depth,
        str(registration.kind),
        registration.owner.text,
        registration.status.value,
        stored_texts.properties_text(registration.properties),
        None if parent is None else parent.text,
        None,
    ]


def first_below(point: Point) -> tuple[str, str]:
    """Returns the prefix of every point below ``point``, and the first text after all of them."""
    first = point.text if point.text.endswith("/") else f"{point.text}:"
    return first, first[:-1] + chr(ord(first[-1]) + 1)


def star_of(row: Sequence[Any]) -> StarRecord:
    """Returns the star in a row of :data:`STAR`."""
    key, kind, machine, address, public, kinds, links, *rest, pid, facts = row
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
