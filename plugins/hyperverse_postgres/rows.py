"""Rows to values, and values to rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from hyperverse_core.registry import (
    Assignment,
    ParticleRecord,
    PropertyValue,
    Registration,
    StarRecord,
    Status,
    TokenRecord,
)
from hyperverse_core.values import AccessGrant, GrantKind, Kind, Point, Selector, StarKey

__all__ = [
    "RECORD",
    "SOME_STARS",
    "STAR",
    "first_below",
    "grant_of",
    "needed_parent",
    "new_row",
    "properties_text",
    "record_of",
    "star_of",
    "token_of",
]

# An assignment holds as long as its star is announced in that incarnation.
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
    """The record in a row of :data:`RECORD`."""
    point, kind, owner, status, properties, star, incarnation, epoch = row
    return ParticleRecord(
        Point.parse(point),
        Kind.parse(kind),
        Point.parse(owner),
        _STATUS.get(status, Status.UNKNOWN),
        None if star is None else Assignment(StarKey.parse(star), incarnation, epoch),
        _properties_of(properties),
    )


def _properties_of(text: str | None) -> dict[str, PropertyValue]:
    if text is None:
        return {}
    return {key: PropertyValue(value, locked) for key, (value, locked) in json.loads(text).items()}


def properties_text(properties: Mapping[str, PropertyValue]) -> str | None:
    """``properties`` as the text of a row; None when there are none. It is ASCII, whatever the values are."""
    if not properties:
        return None
    return json.dumps({key: (found.value, found.locked) for key, found in properties.items()})


def new_row(registration: Registration) -> list[Any]:
    """What a function of the database gets of a new particle: its columns, its parent, and room for the number of its
    state."""
    point = registration.point
    parent = needed_parent(point)
    return [
        point.text,
        point.route.prefix if point.body_start else "",
        point.depth,
        str(registration.kind),
        registration.owner.text,
        registration.status.value,
        properties_text(registration.properties),
        None if parent is None else parent.text,
        None,
    ]


def needed_parent(point: Point) -> Point | None:
    """The parent that must be registered; None for ROOT and for the first point of another route."""
    parent = point.parent
    return None if parent is None or (parent.is_root and not point.route.is_local) else parent


def first_below(point: Point) -> tuple[str, str]:
    """The text that each point below ``point`` begins with, and the first text behind all of them."""
    first = point.text if point.text.endswith("/") else f"{point.text}:"
    return first, first[:-1] + chr(ord(first[-1]) + 1)


def star_of(row: Sequence[Any]) -> StarRecord:
    """The star in a row of :data:`STAR`."""
    key, kind, machine, address, public, kinds, links, *rest, pid, facts = row
    particles, incarnation, renewals, lease, draining = rest
    return StarRecord(
        StarKey.parse(key),
        kind,
        machine,
        address,
        public,
        *_hosts_and_links(kinds, links),
        particles,
        incarnation,
        renewals,
        lease,
        draining,
        pid,
        facts,
    )


@lru_cache(maxsize=1024)
def _hosts_and_links(kinds: str, links: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # These two columns rarely change.
    return tuple(json.loads(kinds)), tuple(json.loads(links))


def grant_of(row: Sequence[Any]) -> AccessGrant:
    """The grant in a row of id, kind, selectors and grantor."""
    number, kind, on, to, by = row
    return AccessGrant(
        GrantKind.parse(kind), Selector.parse(on, routes=True), Selector.parse(to), Point.parse(by), number
    )


def token_of(row: Sequence[Any]) -> TokenRecord:
    """The token in a row."""
    digest, agent, label, scope, created, expires = row
    return TokenRecord(digest, Point.parse(agent), label, scope, created, expires)
