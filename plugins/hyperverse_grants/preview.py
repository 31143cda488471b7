"""Dry runs: whose access would be another after a grant, a revocation or a change of owners."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import attrs

from hyperverse_core.policy import AccessChange, PolicyView, Preview
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import ANONYMOUS, HYPERUSER, Access, AccessGrant, Point, Selector, explain, grant_roots

from .gathered import FindGrants, gather
from .matching import kinds_of, matched

__all__ = ["Previews", "agents_of"]

_MOST_PARTICLES = 1000
_MOST_AGENTS = 200
_MOST_PAIRS = 10_000
_SLICE = 100
"""Pairs of an agent and a particle that are looked at before others get their turn."""


async def agents_of(
    view: PolicyView, find_grants: FindGrants, record: ParticleRecord, limit: int
) -> tuple[set[Point], bool]:
    """Returns the agents whom grants on the particle name, at most ``limit``, and whether these are all."""
    point = record.point
    if not point.route.is_local:
        return set(), True
    kinds = (await kinds_of(view, [point]))[point]
    by_root = await find_grants(tuple(grant_roots(point)))
    named = {grant.to for page in by_root.values() for grant in page if kinds and grant.on.matches(point, kinds)}
    agents: set[Point] = set()
    complete = True
    for selector in sorted(named, key=str):
        found, all_of_them = await matched(view, selector, limit)
        agents |= {agent.point for agent in found}
        if selector.is_exact and selector.query_root == ANONYMOUS:
            agents.add(ANONYMOUS)  # it needs no record
        complete = complete and all_of_them
    return set(sorted(agents)[:limit]), complete and len(agents) <= limit


@attrs.frozen
class _World:
    """Grants and owners as they would be.

    Attributes:
        find_grants: the grants.
        owners: the owners of particles that get another one.
    """

    find_grants: FindGrants
    owners: Mapping[Point, Point] = attrs.field(factory=dict)

    def seen(self, record: ParticleRecord) -> ParticleRecord:
        owner = self.owners.get(record.point)
        return record if owner is None else attrs.evolve(record, owner=owner)

    def over(self, view: PolicyView) -> PolicyView:
        """``view`` with the records as they would be."""
        if not self.owners:
            return view

        async def records(points: tuple[Point, ...]) -> Mapping[Point, ParticleRecord]:
            return {point: self.seen(record) for point, record in (await view.records(points)).items()}

        return PolicyView(view.registry, records)


class Previews:
    """Compares what agents may do with what they could do afterwards.

    Args:
        view: what may be read.
        find_grants: returns the grants of query roots as they are.
        same_owner: whether the rule of the same owner holds.
    """

    def __init__(self, view: PolicyView, find_grants: FindGrants, *, same_owner: bool) -> None:
        self._view = view
        self._find_grants = find_grants
        self._same_owner = same_owner

    async def of_grants(self, added: Sequence[AccessGrant], removed: Sequence[AccessGrant]) -> Preview:
        """What it would change to make the grants ``added``, and to revoke ``removed``."""
        gone = {grant.id for grant in removed}

        async def find(roots: Iterable[Point]) -> Mapping[Point, Sequence[AccessGrant]]:
            found = await self._find_grants(tuple(roots))
            return {
                root: [
                    *(grant for grant in page if grant.id not in gone),
                    *(grant for grant in added if grant.on.query_root == root),
                ]
                for root, page in found.items()
            }

        records: dict[Point, ParticleRecord] = {}
        complete = True
        for grant in (*added, *removed):
            page, all_of_them = await matched(self._view, grant.on, _MOST_PARTICLES)
            records |= {record.point: record for record in page}
            complete = complete and all_of_them
        return await self._compare(list(records.values()), _World(find), [g.to for g in (*added, *removed)], complete)

    async def of_owner(self, records: Sequence[ParticleRecord], owner: Point) -> Preview:
        """What it would change to make ``owner`` the owner of ``records``."""
        world = _World(self._find_grants, {record.point: owner for record in records})
        return await self._compare(records[:_MOST_PARTICLES], world, [], len(records) <= _MOST_PARTICLES)

    async def _compare(
        self, records: Sequence[ParticleRecord], after: _World, to: Sequence[Selector], complete: bool
    ) -> Preview:
        pairs: list[tuple[Point, ParticleRecord]] = []
        named: set[Point] = set()
        for selector in to:
            found, all_of_them = await matched(self._view, selector, _MOST_AGENTS)
            named |= {agent.point for agent in found}
            complete = complete and all_of_them
        for record in sorted(records, key=lambda record: record.point):
            agents, all_of_them = await agents_of(self._view, after.find_grants, record, _MOST_AGENTS)
            agents |= named | {record.owner, after.seen(record).owner}
            pairs += [(agent, record) for agent in sorted(agents - {HYPERUSER})]
            complete = complete and all_of_them
            if len(pairs) > _MOST_PAIRS:
                complete = False
                break
        changes: list[AccessChange] = []
        for start in range(0, min(len(pairs), _MOST_PAIRS), _SLICE):
            part = pairs[start : start + _SLICE]
            before = await self._access(part, _World(self._find_grants))
            later = await self._access(part, after)
            changes += [
                AccessChange(agent, record.point, old, new)
                for (agent, record), old, new in zip(part, before, later, strict=True)
                if old != new
            ]
            await asyncio.sleep(0)
        return Preview(tuple(changes), complete)

    async def _access(self, pairs: Sequence[tuple[Point, ParticleRecord]], world: _World) -> list[Access]:
        questions = [(agent, world.seen(record)) for agent, record in pairs]
        gathered = await gather(world.over(self._view), world.find_grants, questions)
        return [
            explain(agent, record.point, view, same_owner=self._same_owner).access
            for (agent, record), view in zip(questions, gathered, strict=True)
        ]
