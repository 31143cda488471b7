"""The particles that a ``delete`` spares: the users, and the user who runs it. docs/reference/commands.md#particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ....contracts.registry import ParticleRecord
from ....errors import Conflict
from ....universe.address.point import Point
from ....universe.selectors.selector import Selector

__all__ = ["USERS", "Spared", "spare"]

USERS = Point.parse("hyperspace:users")
_USER = "User"


@attrs.frozen
class Spared:
    """The particles that a ``delete`` matches.

    Attributes:
        doomed: the particles that it deletes, with everything below them.
        kept: the particles that its selector matches but that stay.
    """

    doomed: Sequence[ParticleRecord]
    kept: Sequence[ParticleRecord]


def spare(
    selector: Selector, found: Sequence[ParticleRecord], agent: Point, known: Mapping[Point, ParticleRecord]
) -> Spared:
    """Removes from ``found`` the particles that a pattern such as ``**`` is not meant to delete.

    The users in ``hyperspace:users`` are deleted only by a selector that begins there, and a user deletes itself only
    by its own point.

    Args:
        selector: the selector of the command.
        found: the particles that it matches.
        agent: the particle on whose behalf the command runs.
        known: the records of the agent and of :data:`USERS`, if they are registered.

    Raises:
        Conflict: the selector names one particle, and a spared particle is below it.
    """
    spared = _spared(selector, agent, known)
    kept = [r for r in found if not r.point.is_root and any(_takes(r.point, one) for one in spared)]
    if kept and selector.is_exact:
        below = next(one for one in spared if _takes(kept[0].point, one))
        raise Conflict(
            f"{kept[0].point.text!r} is not deleted, because that would also delete {below.text!r}",
            hint=f"delete the other particles below it with a pattern, or first delete {below} by its own name",
        )
    stays = {record.point for record in kept}
    if USERS in spared:  # all users stay
        stays |= {record.point for record in found if USERS.is_ancestor_of(record.point)}
    if not stays:
        return Spared(found, ())
    return Spared([r for r in found if r.point not in stays], [r for r in found if r.point in stays])


def _spared(selector: Selector, agent: Point, known: Mapping[Point, ParticleRecord]) -> list[Point]:
    """Returns the points that ``selector`` must not delete."""
    anchor, points = selector.anchor, []
    if USERS in known and not _takes(USERS, anchor):
        points.append(USERS)
    is_user = agent in known and known[agent].kind.base == _USER
    if is_user and not (selector.is_exact and anchor == agent):
        points.append(agent)
    return points


def _takes(deleted: Point, spared: Point) -> bool:
    """Whether deleting ``deleted`` also deletes ``spared``."""
    return deleted == spared or deleted.is_ancestor_of(spared)
