"""The default policy passes the kit, in each of its settings."""

from __future__ import annotations

from collections.abc import Sequence

from hyperverse_core.contracts.policy import Decision, Need, PolicyView, Request, SecurityPolicy
from hyperverse_core.testing import PolicyConformance
from hyperverse_core.universe.access.scope import Scope
from hyperverse_grants.policy import GrantsPolicy


class TestGrants(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return GrantsPolicy()


class TestGrantsForAnybody(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return GrantsPolicy({"anonymous": True})


class TestGrantsWithoutTheRuleOfTheSameOwner(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return GrantsPolicy({"same_owner": False})


class Library(GrantsPolicy):
    """Whoever is registered may see and read everything, whatever the grants say."""

    async def open(self, view: PolicyView) -> None:
        await super().open(view)
        self.view = view

    async def decide(self, request: Request) -> Decision:
        decision = await super().decide(request)
        open_to_all = request.need in (Need("s"), Need("r")) and not request.need.privilege
        if decision.allowed or not open_to_all or request.scope not in (None, Scope.FULL):
            return decision
        if not await self._is_registered(request):
            return decision
        return Decision.allow("everybody may read in a library", rests_on=frozenset({request.agent}))

    async def decide_many(self, requests: Sequence[Request]) -> list[Decision]:
        return [await self.decide(request) for request in requests]

    async def _is_registered(self, request: Request) -> bool:
        found = await self.view.records((request.agent,))
        record = found.get(request.agent)
        return record is not None and record.kind.base == "User"


class TestALibrary(PolicyConformance):
    strangers_may = "sr"

    def make(self) -> SecurityPolicy:
        return Library()
