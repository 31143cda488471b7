"""Drivers and particles: the behaviour of a Kind.

For authors of drivers. Subclass :class:`Particle` and :class:`Driver`, register the driver with the hook
``hyperverse_register_drivers``, and test it with :class:`hyperverse_core.testing.DriverConformance`. The names of this
module are public: Semantic Versioning covers them.
"""

from __future__ import annotations

from .contracts.driver import (
    Answer,
    At,
    Ctx,
    Draft,
    Driver,
    DriverHost,
    HandlerSpec,
    Particle,
    Property,
    Sender,
    Traits,
    handler,
    state,
    transient,
)
from .universe.waves.origin import WaveOptions

__all__ = [
    "Answer",
    "At",
    "Ctx",
    "Draft",
    "Driver",
    "DriverHost",
    "HandlerSpec",
    "Particle",
    "Property",
    "Sender",
    "Traits",
    "WaveOptions",
    "handler",
    "state",
    "transient",
]
