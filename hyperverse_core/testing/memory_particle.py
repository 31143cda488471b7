"""A particle of the registry in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ..contracts.registry import ParticleRecord, PropertyValue, Registration
from ..errors import Conflict
from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.kind_defs.properties import SetProperty, UnsetProperty
from ..universe.selectors.selector import Selector

__all__ = ["MemoryParticle", "changed", "exactly", "is_hosted", "new_record"]


@attrs.define
class MemoryParticle:
    """What the registry keeps of a particle."""

    record: ParticleRecord
    state: bytes | None = None
    sequence: int = 0


def new_record(registration: Registration) -> ParticleRecord:
    """The record of a new particle."""
    return ParticleRecord(
        registration.point,
        registration.kind,
        registration.owner,
        registration.status,
        properties=dict(registration.properties),
    )


def changed(record: ParticleRecord, changes: Sequence[SetProperty | UnsetProperty]) -> Mapping[str, PropertyValue]:
    """The properties after ``changes``. Raises Conflict when a change concerns a locked property."""
    after = dict(record.properties)
    for change in changes:
        present = after.get(change.key)
        value = change.value if isinstance(change, SetProperty) else None
        if present is not None and present.locked:
            if value != present.value:
                raise Conflict(f"property {change.key!r} of {record.point.text!r} is locked")
        elif isinstance(change, SetProperty):
            after[change.key] = PropertyValue(change.value, change.lock)
        else:
            after.pop(change.key, None)
    return after


def is_hosted(record: ParticleRecord, star: StarKey) -> bool:
    """Whether the particle is assigned to ``star``."""
    return record.assignment is not None and record.assignment.star == star


def exactly(selector: Selector) -> Point | None:
    """The only point that ``selector`` can match, None when it can match several."""
    root = selector.query_root
    return root if selector.is_exact and len(root.segments) == len(selector.hops) else None
