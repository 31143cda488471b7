"""What a ``delete`` spares: the users, and the user who deletes. docs/reference/commands.md#particles."""

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
    """What a ``delete`` is about.

    Attributes:
        doomed: the particles that it deletes, with all below them.
        kept: those that its selector matches, and that stay.
    """

    doomed: Sequence[ParticleRecord]
    kept: Sequence[ParticleRecord]


def spare(
    selector: Selector, found: Sequence[ParticleRecord], agent: Point, known: Mapping[Point, ParticleRecord]
) -> Spared:
    """Takes out of ``found`` what nobody means who writes a pattern such as ``**``.

    The users in ``hyperspace:users`` go only by a selector that begins there, and a user deletes itself only by its
    own point.

    Args:
        selector: what the command says.
        found: the particles that it matches.
        agent: the particle in whose name it is carried out.
        known: the records of the agent and of :data:`USERS`, as far as they are registered.

    Raises:
        Conflict: the selector names one particle, and what is spared is below it.
    """
    spared = _spared(selector, agent, known)
    kept = [r for r in found if not r.point.is_root and any(_takes(r.point, one) for one in spared)]
    if kept and selector.is_exact:
        below = next(one for one in spared if _takes(kept[0].point, one))
        raise Conflict(
            f"{kept[0].point.text!r} is not deleted, because {below.text!r} would go with it",
            hint=f"delete what else is below it with a pattern, or {below} by its own name first",
        )
    stays = {record.point for record in kept}
    if USERS in spared:  # they stay together
        stays |= {record.point for record in found if USERS.is_ancestor_of(record.point)}
    if not stays:
        return Spared(found, ())
    return Spared([r for r in found if r.point not in stays], [r for r in found if r.point in stays])


def _spared(selector: Selector, agent: Point, known: Mapping[Point, ParticleRecord]) -> list[Point]:
    """The points that ``selector`` may not take."""
    anchor, points = selector.anchor, []
    if USERS in known and not _takes(USERS, anchor):
        points.append(USERS)
    is_user = agent in known and known[agent].kind.base == _USER
    if is_user and not (selector.is_exact and anchor == agent):
        points.append(agent)
    return points


def _takes(deleted: Point, spared: Point) -> bool:
    """Whether ``spared`` goes when ``deleted`` does."""
    return deleted == spared or deleted.is_ancestor_of(spared)
