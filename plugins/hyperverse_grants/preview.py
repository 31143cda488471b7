"""Dry runs: whose access would change after a grant, a revocation or a change of owners."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import attrs

from hyperverse_core.policy import AccessChange, PolicyView, Preview
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import ANONYMOUS, HYPERUSER, Access, AccessGrant, Point, Selector, explain, grant_roots

from .gathered import FindGrants, can_be_granted, gather, is_platforms_own
from .matching import kinds_of, matched

__all__ = ["NamedAgents", "Previews"]

_MOST_PARTICLES = 1000
_MOST_AGENTS = 200
_MOST_PAIRS = 10_000
_SLICE = 100
"""Number of particles, or of pairs of an agent and a particle, that are checked before other tasks get a turn."""
_LONGEST = 2.0
"""Seconds after which the results so far are returned: a policy that takes longer than its limit returns nothing."""


class NamedAgents:
    """The agents that grants on particles name.

    Args:
        view: the part of the platform that may be read.
        find_grants: returns the grants of query roots.
        limit: maximum number of agents of one particle, and of matches of one selector.
    """

    def __init__(self, view: PolicyView, find_grants: FindGrants, limit: int) -> None:
        self._view = view
        self._find_grants = find_grants
        self._limit = limit
        self._matches: dict[Selector, tuple[frozenset[Point], bool]] = {}

    async def of(self, records: Sequence[ParticleRecord]) -> list[tuple[set[Point], bool]]:
        """Returns for each particle the agents that grants on it name, up to the limit, and whether these are all. This
        takes one look-up of grants, one of Kinds, and one of each selector that grants name."""
        found: list[tuple[set[Point], bool]] = []
        granted = [record for record in records if can_be_granted(record)]
        kinds = await kinds_of(self._view, [r.point for r in granted if not is_platforms_own(r)])
        by_root = await self._find_grants(dict.fromkeys(root for r in granted for root in grant_roots(r.point)))
        for record in records:
            path = (record.kind,) if is_platforms_own(record) else kinds.get(record.point, ())
            pages = [by_root[root] for root in grant_roots(record.point)] if path else []
            named = {grant.to for page in pages for grant in page if grant.on.matches(record.point, path)}
            found.append(await self._matching(sorted(named, key=str)))
        return found

    async def _matching(self, named: Sequence[Selector]) -> tuple[set[Point], bool]:
        agents: set[Point] = set()
        complete = True
        for selector in named:
            if selector not in self._matches:
                self._matches[selector] = await self._look_up(selector)
            matching, all_of_them = self._matches[selector]
            agents |= matching
            complete = complete and all_of_them
        return set(sorted(agents)[: self._limit]), complete and len(agents) <= self._limit

    async def _look_up(self, selector: Selector) -> tuple[frozenset[Point], bool]:
        records, all_of_them = await matched(self._view, selector, self._limit)
        agents = {record.point for record in records}
        if selector.is_exact and selector.query_root == ANONYMOUS:
            agents.add(ANONYMOUS)  # it needs no record
        return frozenset(agents), all_of_them


@attrs.frozen
class _World:
    """Grants and owners as they would be.

    Attributes:
        find_grants: the grants.
        owners: the new owners of particles whose owner changes.
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
    """Compares what agents may do now with what they could do after a change.

    Args:
        view: the part of the platform that may be read.
        find_grants: returns the grants of query roots as they are.
        same_owner: whether the rule of the same owner holds.
    """

    def __init__(self, view: PolicyView, find_grants: FindGrants, *, same_owner: bool) -> None:
        self._view = view
        self._find_grants = find_grants
        self._same_owner = same_owner

    async def of_grants(self, added: Sequence[AccessGrant], removed: Sequence[AccessGrant]) -> Preview:
        """Returns what making the grants ``added`` and revoking ``removed`` would change."""
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

        until = self._now() + _LONGEST
        records: dict[Point, ParticleRecord] = {}
        complete = True
        for grant in (*added, *removed):
            page, all_of_them = await matched(self._view, grant.on, _MOST_PARTICLES, until - _LONGEST * 2 / 3)
            records |= {record.point: record for record in page}
            complete = complete and all_of_them
        to = [grant.to for grant in (*added, *removed)]
        return await self._compare(list(records.values()), _World(find), to, complete, until)

    async def of_owner(self, records: Sequence[ParticleRecord], owner: Point) -> Preview:
        """Returns what making ``owner`` the owner of ``records`` would change."""
        world = _World(self._find_grants, {record.point: owner for record in records})
        complete = len(records) <= _MOST_PARTICLES
        return await self._compare(records[:_MOST_PARTICLES], world, [], complete, self._now() + _LONGEST)

    async def _compare(
        self, records: Sequence[ParticleRecord], after: _World, to: Sequence[Selector], complete: bool, until: float
    ) -> Preview:
        pairs: list[tuple[Point, ParticleRecord]] = []
        named: set[Point] = set()
        for selector in to:
            found, all_of_them = await matched(self._view, selector, _MOST_AGENTS)
            named |= {agent.point for agent in found}
            complete = complete and all_of_them
        by_grants = NamedAgents(self._view, after.find_grants, _MOST_AGENTS)
        ordered = sorted(records, key=lambda record: record.point)
        for start in range(0, len(ordered), _SLICE):
            some = ordered[start : start + _SLICE]
            for record, (agents, all_of_them) in zip(some, await by_grants.of(some), strict=True):
                concerned = agents | named | {record.owner, after.seen(record).owner}
                pairs += [(agent, record) for agent in sorted(concerned - {HYPERUSER})]
                complete = complete and all_of_them
            if len(pairs) > _MOST_PAIRS or self._now() > until - _LONGEST / 3:
                complete = complete and start + _SLICE >= len(ordered) and len(pairs) <= _MOST_PAIRS
                break
            await asyncio.sleep(0)
        changes: list[AccessChange] = []
        for start in range(0, min(len(pairs), _MOST_PAIRS), _SLICE):
            if self._now() > until:
                complete = False
                break
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

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _access(self, pairs: Sequence[tuple[Point, ParticleRecord]], world: _World) -> list[Access]:
        questions = [(agent, world.seen(record)) for agent, record in pairs]
        gathered = await gather(world.over(self._view), world.find_grants, questions)
        return [
            explain(agent, record.point, view, same_owner=self._same_owner).access
            for (agent, record), view in zip(questions, gathered, strict=True)
        ]
