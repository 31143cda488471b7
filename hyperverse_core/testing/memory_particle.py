"""A particle of the registry in memory."""

from __future__ import annotations

import attrs

from ..contracts.registry import ParticleRecord, Registration
from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.selectors.selector import Selector

__all__ = ["MemoryParticle", "exactly", "is_hosted", "new_record"]


@attrs.define
class MemoryParticle:
    """What the registry keeps of a particle.

    Attributes:
        record: with its last assignment, which may hold no more.
        epoch: of its last assignment; before the first, the number behind which its epochs begin.
    """

    record: ParticleRecord
    state: bytes | None = None
    sequence: int = 0
    epoch: int = 0


def new_record(registration: Registration) -> ParticleRecord:
    """The record of a new particle."""
    return ParticleRecord(
        registration.point,
        registration.kind,
        registration.owner,
        registration.status,
        properties=dict(registration.properties),
    )


def is_hosted(record: ParticleRecord, star: StarKey) -> bool:
    """Whether the particle is assigned to ``star``."""
    return record.assignment is not None and record.assignment.star == star


def exactly(selector: Selector) -> Point | None:
    """The only point that ``selector`` can match, None when it can match several."""
    root = selector.query_root
    return root if selector.is_exact and len(root.segments) == len(selector.hops) else None
