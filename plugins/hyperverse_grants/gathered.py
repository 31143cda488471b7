"""What the rules of access need to know about an agent and a target, read from the registry beforehand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import attrs

from hyperverse_core.policy import PolicyView
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import ANONYMOUS, HYPERUSER, AccessGrant, Kind, Point, grant_roots

__all__ = [
    "BUILT_IN",
    "FindGrants",
    "Gathered",
    "Question",
    "can_be_granted",
    "gather",
    "is_platforms_own",
    "is_star",
    "path_of",
]

_USER = "User"
_PLATFORM = frozenset({"Global", "Star"})
BUILT_IN: Mapping[Point, Kind] = {
    Point.parse("hyperspace"): Kind("Space"),
    Point.parse("hyperspace:users"): Kind("UserBase"),
    HYPERUSER: Kind(_USER),
    ANONYMOUS: Kind(_USER),
}
"""Kinds of the particles that every Hyperverse knows, for a registry in which they are not registered."""

Question = tuple[Point, ParticleRecord]
"""An agent and a target."""

FindGrants = Callable[[Iterable[Point]], Awaitable[Mapping[Point, Sequence[AccessGrant]]]]
"""Returns the grants of each of some query roots."""


@attrs.frozen
class Gathered:
    """An :class:`~hyperverse_core.values.AccessView` of the records and grants that were read.

    Attributes:
        target: the particle in question.
        records: the other records, by point.
        grants_by_root: the grants, by their query root.
        rests_on: every point that was looked up, whether it is registered or not.
    """

    target: ParticleRecord
    records: Mapping[Point, ParticleRecord]
    grants_by_root: Mapping[Point, Sequence[AccessGrant]] = attrs.field(factory=dict)
    rests_on: frozenset[Point] = frozenset()

    def owner(self, point: Point) -> Point | None:
        """The owner of ``point``; None when it is not registered."""
        record = self._record(point)
        return None if record is None else record.owner

    def kinds(self, point: Point) -> Sequence[Kind]:
        """The Kind of each segment of ``point``, root first; empty when one of them is not registered."""
        return self._path(self._kind, point)

    @staticmethod
    def kinds_among(kinds: Mapping[Point, Kind], point: Point) -> Sequence[Kind]:
        """The Kind of each segment of ``point``, root first, as far as ``kinds`` has them; empty when one is
        missing."""
        return Gathered._path(lambda step: kinds.get(step) or BUILT_IN.get(step), point)

    @staticmethod
    def _path(kind_of: Callable[[Point], Kind | None], point: Point) -> Sequence[Kind]:
        kinds: list[Kind] = []
        for step in reversed(path_of(point)):
            kind = kind_of(step)
            if kind is None:
                return ()
            kinds.append(kind)
        return tuple(kinds)

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        """The grants whose query root is ``root``."""
        return self.grants_by_root.get(root, ())

    def is_user(self, point: Point) -> bool:
        """Whether ``point`` is a User or the hyperuser."""
        if point == HYPERUSER:
            return True
        kind = self._kind(point)
        return kind is not None and kind.base == _USER

    def _record(self, point: Point) -> ParticleRecord | None:
        return self.target if point == self.target.point else self.records.get(point)

    def _kind(self, point: Point) -> Kind | None:
        record = self._record(point)
        return BUILT_IN.get(point) if record is None else record.kind


def path_of(point: Point) -> list[Point]:
    """Returns ``point`` and the points above it, without the root, which has no Kind that a selector could name."""
    return [step for step in (point, *point.ancestors()) if not step.is_root]


def is_platforms_own(target: ParticleRecord) -> bool:
    """Whether the target is a particle of the platform: ``GLOBAL::machine``, or the particle of a star."""
    return target.kind.base in _PLATFORM and not target.point.route.is_local


def can_be_granted(target: ParticleRecord) -> bool:
    """Whether a grant can name the target."""
    return target.point.route.is_local or is_platforms_own(target)


def is_star(agent: Point) -> bool:
    """Whether ``agent`` is a star itself. Only the fabric gives a wave such an agent."""
    return agent.star_key is not None and agent == Point.of_star(agent.star_key)


async def gather(view: PolicyView, find_grants: FindGrants, questions: Sequence[Question]) -> list[Gathered]:
    """Reads the records and grants on the paths of each target, of its agent and of every grantor there: for all
    questions together, one look-up of grants that are not cached, and one of records."""
    roots = [tuple(grant_roots(target.point)) if can_be_granted(target) else () for _, target in questions]
    grants = await find_grants(dict.fromkeys(root for found in roots for root in found))
    wanted = [
        _wanted(agent, target, [grant for root in found for grant in grants[root]])
        for (agent, target), found in zip(questions, roots, strict=True)
    ]
    missing = dict.fromkeys(
        point
        for (_, target), points in zip(questions, wanted, strict=True)
        for point in points
        if point != target.point
    )
    records = await view.records(tuple(missing))
    return [
        Gathered(target, records, {root: grants[root] for root in found}, frozenset(points).union(found))
        for (_, target), found, points in zip(questions, roots, wanted, strict=True)
    ]


def _wanted(agent: Point, target: ParticleRecord, grants: Iterable[AccessGrant]) -> list[Point]:
    """The points whose records the rules may ask for. The hyperuser needs none: its access depends on nothing, and it
    is seldom registered, so the registry would be asked for it each time."""
    grantors = dict.fromkeys(grant.by for grant in grants if grant.by != HYPERUSER)
    owner = () if target.owner == HYPERUSER else (target.owner,)
    return [*path_of(target.point), *owner, *path_of(agent), *(step for by in grantors for step in path_of(by))]
