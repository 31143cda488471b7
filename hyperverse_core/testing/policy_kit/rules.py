"""Rules that hold for every policy: the hyperuser, owners, strangers, and the scopes of waves."""

from __future__ import annotations

import pytest

from ...contracts.policy import Need
from ...universe.access.scope import Scope
from ...universe.address.point import ANONYMOUS, HYPERUSER, ROOT
from .base import PolicyKitBase
from .world import ALICE, BOB, COUNTRY, HOME, LETTERS, NOBODY, NOTES, POINTS

__all__ = ["Refusals", "Rules", "Scopes"]


class Rules(PolicyKitBase):
    """Who may do what."""

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_the_hyperuser_may_do_everything_on_everything(self, letter: str) -> None:
        world = await self.world()
        for point in POINTS:
            assert await world.allows(HYPERUSER, point, letter), point

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_an_owner_may_do_everything_on_what_it_owns(self, letter: str) -> None:
        world = await self.world()
        assert await world.allows(ALICE, HOME, letter)

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_a_stranger_may_do_nothing_without_a_grant(self, letter: str) -> None:
        world = await self.world()
        assert not await world.allows(BOB, HOME, letter)
        assert not await world.allows(ALICE, COUNTRY, letter)

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_anonymous_may_do_nothing_without_a_grant(self, letter: str) -> None:
        world = await self.world()
        for point in (ROOT, COUNTRY, HOME, NOTES):
            assert not await world.allows(ANONYMOUS, point, letter), point

    async def test_an_agent_that_is_not_registered_may_do_nothing(self) -> None:
        world = await self.world()
        assert await world.allowed(NOBODY, HOME) == ""

    async def test_a_privilege_is_not_given_away(self) -> None:
        world = await self.world()
        need = Need("", "property:email:read")
        assert await world.allows(ALICE, HOME, need)
        assert not await world.allows(BOB, HOME, need)

    async def test_a_permission_and_a_privilege_are_both_needed(self) -> None:
        self.needs_grants()
        world = await self.world()
        await world.grant(f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}")
        assert await world.allows(BOB, HOME, "r")
        assert not await world.allows(BOB, HOME, Need("r", "property:email:read"))


class Refusals(PolicyKitBase):
    """What a refusal says."""

    async def test_a_refusal_names_the_agent_and_the_target_and_has_a_cure(self) -> None:
        world = await self.world()
        refusal = await world.refusal(BOB, HOME, "x")
        assert refusal.status == 403
        assert BOB.text in refusal.why
        assert HOME.text in refusal.why
        assert refusal.hint

    async def test_a_refusal_for_a_privilege_names_it(self) -> None:
        world = await self.world()
        refusal = await world.refusal(BOB, HOME, Need("", "property:email:read"))
        assert "property:email:read" in refusal.why


class Scopes(PolicyKitBase):
    """A scope bounds, and gives nothing."""

    async def test_a_scope_of_nothing_refuses_everybody(self) -> None:
        world = await self.world()
        for agent in (HYPERUSER, ALICE):
            assert await world.allowed(agent, HOME, Scope.NONE) == "", agent

    async def test_a_full_scope_changes_nothing(self) -> None:
        world = await self.world()
        for agent in (HYPERUSER, ALICE, BOB):
            assert await world.allowed(agent, HOME, Scope.FULL) == await world.allowed(agent, HOME), agent

    async def test_a_scope_bounds_and_gives_nothing(self) -> None:
        world = await self.world()
        scope = Scope.parse("{perm +csd-Rwx on localhost:alice}")
        assert await world.allowed(ALICE, HOME, scope) == "r"
        assert await world.allowed(HYPERUSER, HOME, scope) == "r"
        assert await world.allowed(BOB, HOME, scope) == ""
        assert await world.allowed(ALICE, NOTES, scope) == ""
