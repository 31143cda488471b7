"""Notifications of particles that arrive on this machine or leave it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from ...contracts.registry import ParticleRecord

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["Comings", "Left"]


class Left(enum.Enum):
    """Why a particle left."""

    RELEASED = "released"
    """It was idle, or its machine is stopping; its state is saved."""
    LOST = "lost"
    """It was deleted, or its star has lost its lease."""
    TAKEN = "taken"
    """The registry says that it does not live here; the change feed gives the reason."""


@attrs.frozen
class Comings:
    """The callbacks for particles that arrive and leave, in order.

    Attributes:
        arrived: called with a particle that now lives here.
        renewed: called with a particle whose record has changed, and the previous record.
        left: called with a particle that no longer lives here, and the reason.
    """

    arrived: Sequence[Callable[[Resident], None]]
    renewed: Sequence[Callable[[Resident, ParticleRecord], None]]
    left: Sequence[Callable[[Resident, Left], None]]
