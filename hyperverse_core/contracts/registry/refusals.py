"""Errors of a registry, each made in one place: all registries refuse the same thing in the same words.

Each function returns an error to raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ...errors import Conflict, NotFound, NotHostedHere, Unavailable
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.kinds.kind import Kind
from .records import Assignment, StarRecord

__all__ = [
    "already_registered",
    "assigned_otherwise",
    "closed",
    "has_children",
    "has_what_is_below",
    "incarnation_not_announced",
    "no_grant",
    "no_invitation",
    "no_parent",
    "not_in_directory",
    "not_registered",
    "root_stays",
    "star_held",
    "state_not_saved",
]

_NAMED: Final = 5
"""Points that an error names; it counts the others."""


def closed(registry: object) -> Unavailable:
    """A closed registry is to be opened again."""
    return Unavailable("the registry is closed", hint=f"make another {type(registry).__name__}")


def not_registered(points: Sequence[Point]) -> NotFound:
    """Particles that are not registered."""
    names = ", ".join(repr(point.text) for point in points[:_NAMED])
    more = f" and {len(points) - _NAMED} more" if len(points) > _NAMED else ""
    return NotFound(f"no particle {names}{more}")


def no_parent(point: Point) -> NotFound:
    """A particle whose parent is not registered."""
    parent = point.parent or point
    return NotFound(f"no particle {parent.text!r} to hold {point.name!r}", hint=f"create {parent.text} first")


def already_registered(point: Point, rest: str = "", *, hint: str = "") -> Conflict:
    """A particle that is registered already.

    Args:
        rest: the end of the sentence.
    """
    return Conflict(f"there is a particle {point.text!r} already{rest}", hint=hint)


def has_children(point: Point, is_a: Kind | str, wanted: Kind) -> Conflict:
    """A particle with children that is to be replaced by one of another Kind.

    Args:
        is_a: its Kind.
        wanted: the other Kind.
    """
    return Conflict(
        f"{point.text!r} has children and stays a {str(is_a)!r}; it cannot become a {str(wanted)!r}",
        hint="delete it first, with all that is below it",
    )


def has_what_is_below(point: Point) -> Conflict:
    """A particle that is to be replaced, while the new one comes with particles below it."""
    return Conflict(
        f"{point.text!r} is registered with what is below it, and cannot be replaced", hint="delete it first"
    )


def root_stays() -> Conflict:
    """The root is to be deleted."""
    return Conflict("the root cannot be deleted", hint="delete the particles below it")


def assigned_otherwise(point: Point, held: Assignment | None) -> Conflict:
    """The assignment of a particle is not the expected one.

    Args:
        held: the one that it has.
    """
    where = "is not assigned" if held is None else f"is assigned to '{held.star}' (epoch {held.epoch})"
    return Conflict(f"particle {point.text!r} {where}, not as expected", hint="read its record and decide again")


def state_not_saved(point: Point, assignment: Assignment) -> NotHostedHere:
    """The state of a particle is to be saved under an assignment that no longer holds."""
    return NotHostedHere(
        f"particle {point.text!r} is no longer assigned to '{assignment.star}' (epoch {assignment.epoch}); "
        "its state was not saved"
    )


def star_held(star: StarRecord) -> Conflict:
    """A star is announced by another machine.

    Args:
        star: the star as that machine announced it.
    """
    return Conflict(
        f"star '{star.key}' is held by machine {star.machine!r}",
        hint=f"stop it there, or wait until its lease of {star.lease:g} s has ended",
    )


def incarnation_not_announced(star: StarKey, incarnation: int) -> NotHostedHere:
    """A particle is to be assigned to an incarnation of a star that is not in the directory."""
    return NotHostedHere(
        f"incarnation {incarnation} of star '{star}' is not the announced one",
        hint="its lease has ended, or it was announced again",
    )


def not_in_directory(stars: Iterable[StarRecord]) -> NotHostedHere:
    """Stars are to be renewed that are not in the directory."""
    names = ", ".join(f"'{star.key}' (incarnation {star.incarnation})" for star in stars)
    return NotHostedHere(f"no longer in the directory: {names}", hint="the lease has ended; announce the star again")


def no_grant(number: int) -> NotFound:
    """A grant that does not exist."""
    return NotFound(f"no grant {number}", hint="`grants` lists them with their ids")


def no_invitation() -> NotFound:
    """An invitation that does not exist, has ended, or was used."""
    return NotFound("there is no such invitation")
