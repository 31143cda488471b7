"""Particles that come to this machine, and leave it."""

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
    """Why a particle has left."""

    RELEASED = "released"
    """It was idle, or its machine stops: its state is saved."""
    LOST = "lost"
    """It was deleted, or its star has lost its lease."""
    TAKEN = "taken"
    """The registry says that it does not live here; why, the change feed will tell."""


@attrs.frozen
class Comings:
    """The callbacks that are told of particles that come and leave, in their order.

    Attributes:
        arrived: called with a particle that lives here from now on.
        renewed: called with a particle whose record has changed, and with what it was before.
        left: called with a particle that does not live here any more, and why.
    """

    arrived: Sequence[Callable[[Resident], None]]
    renewed: Sequence[Callable[[Resident, ParticleRecord], None]]
    left: Sequence[Callable[[Resident, Left], None]]
