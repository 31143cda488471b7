"""Decoded frames: waves, their answers, and requests of one machine to another."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from ..contracts.registry import Assignment
from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.waves.wave import Echo, Ping, Pong, Ripple, Signal
from .frames import (
    ClientPingFrame,
    ClientRippleFrame,
    ClientSignalFrame,
    HelloFrame,
    RefusalFrame,
    WelcomeFrame,
)

__all__ = ["ClientFrame", "Echoes", "Message", "ProvisionReply", "ProvisionRequest"]


@attrs.frozen
class Echoes:
    """Echoes of one Ripple.

    Attributes:
        id: id of the Ripple.
        echoes: those that have arrived since the previous ones.
        last: whether these are the last.
    """

    id: str
    echoes: list[Echo]
    last: bool


@attrs.frozen
class ProvisionRequest:
    """A request to adopt a particle.

    Attributes:
        id: repeated in the reply.
        star: the star that is asked.
        point: the particle.
        expected: the assignment that the new one would replace; None if there is none.
    """

    id: str
    star: StarKey
    point: Point
    expected: Assignment | None


@attrs.frozen
class ProvisionReply:
    """The reply to a ProvisionRequest.

    Attributes:
        id: id of the request.
        assignment: the assignment of the particle; None if the star did not adopt it.
        status, error, hint: why the star did not adopt it.
    """

    id: str
    assignment: Assignment | None
    status: int = 200
    error: str = ""
    hint: str = ""


ClientFrame: TypeAlias = (
    HelloFrame | WelcomeFrame | RefusalFrame | ClientPingFrame | ClientSignalFrame | ClientRippleFrame
)
"""Frames that are passed on undecoded. The texts in them are not parsed."""

Message: TypeAlias = Ping | Signal | Ripple | Pong | Echoes | ProvisionRequest | ProvisionReply | ClientFrame
