"""What the rules of access ask about an agent and a target, read from the registry before they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from hyperverse_core.contracts.policy import PolicyView
from hyperverse_core.contracts.registry import ParticleRecord
from hyperverse_core.universe.access.access import AccessGrant, grant_roots
from hyperverse_core.universe.address.point import ANONYMOUS, HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind

from .grant_book import GrantBook

__all__ = ["Gathered", "gather", "kinds_of", "path_of"]

_USER = "User"
_BUILT_IN: Mapping[Point, Kind] = {
    Point.parse("hyperspace"): Kind("Space"),
    Point.parse("hyperspace:users"): Kind("UserBase"),
    HYPERUSER: Kind(_USER),
    ANONYMOUS: Kind(_USER),
}
"""Kinds of those whom every Hyperverse knows, where nobody has registered them."""


@attrs.frozen
class Gathered:
    """An :class:`~hyperverse_core.universe.access.access.AccessView` over what was read."""

    records: Mapping[Point, ParticleRecord]
    grants_by_root: Mapping[Point, Sequence[AccessGrant]]

    def owner(self, point: Point) -> Point | None:
        """The owner of ``point``; None when it is not registered."""
        record = self.records.get(point)
        return None if record is None else record.owner

    def kinds(self, point: Point) -> Sequence[Kind]:
        """The Kind of each segment of ``point``; empty when one of them is not registered."""
        return kinds_of(point, self.records)

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        """The grants whose query root is ``root``."""
        return self.grants_by_root.get(root, ())

    def is_user(self, point: Point) -> bool:
        """Whether ``point`` is a User or the hyperuser."""
        if point == HYPERUSER:
            return True
        kind = _kind_of(point, self.records)
        return kind is not None and kind.base == _USER


def path_of(point: Point) -> list[Point]:
    """``point`` and what is above it, without the root, which has no Kind that a selector could name."""
    return [step for step in (point, *point.ancestors()) if not step.is_root]


def _kind_of(point: Point, records: Mapping[Point, ParticleRecord]) -> Kind | None:
    record = records.get(point)
    return _BUILT_IN.get(point) if record is None else record.kind


def kinds_of(point: Point, records: Mapping[Point, ParticleRecord]) -> tuple[Kind, ...]:
    """The Kind of each segment of ``point``, root first; empty when one of them is not registered."""
    kinds: list[Kind] = []
    for step in reversed(path_of(point)):
        kind = _kind_of(step, records)
        if kind is None:
            return ()
        kinds.append(kind)
    return tuple(kinds)


async def gather(view: PolicyView, book: GrantBook, agent: Point, target: ParticleRecord) -> Gathered:
    """Reads what lies on the paths of the target, of the agent and of everybody who has granted something
    there: one question to the registry for grants that are not known yet, one look-up of records."""
    roots = tuple(grant_roots(target.point)) if target.point.route.is_local else ()
    grants = await book.grants(roots)
    wanted = dict.fromkeys([*path_of(target.point), target.owner, *path_of(agent)])
    for grant in (grant for found in grants.values() for grant in found):
        wanted.update(dict.fromkeys(path_of(grant.by)))
    wanted.pop(target.point, None)
    records = dict(await view.records(tuple(wanted)))
    records[target.point] = target
    return Gathered(records, grants)
