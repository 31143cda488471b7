"""The Registry: where each particle lives, what it is, and who may touch it.

Everything durable of a Hyperverse is here. Several machines may share one registry; what two of them
decide at once is settled by compare-and-set in it, and each of them tails :meth:`Registry.changes` and
drops what it has cached.
"""

from __future__ import annotations

from .contract import Registry
from .records import (
    Assigned,
    Assignment,
    Change,
    ChangeKind,
    Changes,
    Page,
    ParticleRecord,
    PropertyValue,
    Registered,
    Registration,
    StarRecord,
    Status,
    Strategy,
    TokenRecord,
)

__all__ = [
    "Assigned",
    "Assignment",
    "Change",
    "ChangeKind",
    "Changes",
    "Page",
    "ParticleRecord",
    "PropertyValue",
    "Registered",
    "Registration",
    "Registry",
    "StarRecord",
    "Status",
    "Strategy",
    "TokenRecord",
]
