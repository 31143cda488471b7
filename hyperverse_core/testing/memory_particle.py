"""A particle of the registry in memory."""

from __future__ import annotations

import attrs

from ..contracts.registry import ParticleRecord
from ..universe.address.star_key import StarKey

__all__ = ["MemoryParticle", "is_hosted"]


@attrs.define
class MemoryParticle:
    """What the registry stores of a particle.

    Attributes:
        record: its record with its last assignment, which may no longer hold.
        epoch: epoch of its last assignment; before the first, the number after which its epochs begin.
    """

    record: ParticleRecord
    state: bytes | None = None
    sequence: int = 0
    epoch: int = 0


def is_hosted(record: ParticleRecord, star: StarKey) -> bool:
    """Whether the particle is assigned to ``star``."""
    return record.assignment is not None and record.assignment.star == star
