"""The maximum size of a state, the same for every registry."""

from __future__ import annotations

from typing import Final

from ...errors import TooLarge
from ...universe.address.point import Point
from .registrations import Registration

__all__ = ["LARGEST_STATE", "check_new_states", "check_state"]

LARGEST_STATE: Final = 64 * 1024 * 1024
"""Bytes. A database holds a state several times over while it is written, and everybody waits for its disk."""


def check_state(point: Point, state: bytes) -> None:
    """Raises TooLarge when ``state`` of ``point`` is larger than a registry keeps."""
    if len(state) > LARGEST_STATE:
        raise TooLarge(
            f"the state of {point.text!r} has {len(state):,} bytes, and {LARGEST_STATE:,} are allowed",
            hint="keep it in several particles, or what seldom changes in an Artifact",
        )


def check_new_states(registration: Registration) -> None:
    """Raises TooLarge when the initial state of ``registration``, or of a particle below it, is larger than that."""
    for one in (registration, *registration.below):
        if one.state is not None:
            check_state(one.point, one.state)
