"""Checks the claims of a machine about the origin of a request: docs/explanation/security.md#what-a-machine-may-say.

The key of a lane is bound to the name of a machine, and the directory lists the stars of that machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...errors import Forbidden, HyperverseError, Unavailable
from ...protocol.envelope import Envelope
from ...protocol.messages import Message
from ...universe.address.point import Point
from ...universe.address.route import RouteKind
from ...universe.waves.wave import Directed, Ping

__all__ = ["objection"]


def objection(
    envelope: Envelope,
    message: Message,
    machine: str,
    machine_of: Mapping[str, str],
    way_to: Callable[[str], str | None],
) -> HyperverseError | None:
    """Returns why a request is not handled; None if its origin is valid.

    Args:
        envelope: the envelope as received.
        message: its content.
        machine: the machine on whose lane it arrived.
        machine_of: the machine of each announced star.
        way_to: returns the machine through which a star is reached from here; that is its own machine if there is a
            lane to it.
    """
    first = envelope.passed[0] if envelope.passed else machine
    owner = machine_of.get(envelope.origin, first)
    if owner != first:
        return Forbidden(f"machine {first!r} cannot ask as {envelope.origin}, a star of machine {owner!r}")
    if not isinstance(message, Directed) or message.agent.route.kind is not RouteKind.STAR:
        return None
    return _not_its_star(message, first, machine, machine_of, way_to)


def _not_its_star(
    wave: Directed, first: str, machine: str, machine_of: Mapping[str, str], way_to: Callable[[str], str | None]
) -> HyperverseError | None:
    """Returns the objection to a wave on behalf of another machine's star, because a star may do everything and its
    drivers act on its behalf."""
    key = wave.agent.star_key
    if key is None:
        return Forbidden(f"{wave.agent.text!r} does not belong to a star")
    if wave.agent != Point.of_star(key) and not isinstance(wave, Ping):
        return None  # from a driver, perhaps forwarded by the machine from which its recipient has moved
    owner = machine_of.get(str(key))
    if owner is None and key.constellation == "machine":
        owner = key.name
    if owner is None:
        return Unavailable(f"{key} is unknown here", retry_after=0.5)
    if owner != first:
        return Forbidden(f"machine {first!r} cannot act as {wave.agent.text!r}, which belongs to machine {owner!r}")
    if first != machine and way_to(str(key)) == first:
        said = f"machine {machine!r} has forwarded a wave on behalf of a star of {first!r}"
        return Unavailable(f"{said}, which has a lane to this machine", retry_after=0.5)
    return None
