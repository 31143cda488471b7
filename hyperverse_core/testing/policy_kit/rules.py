"""Rules that hold for every policy: the hyperuser, owners, strangers, and the scopes of waves."""

from __future__ import annotations

import pytest

from ...contracts.policy import Need
from ...universe.access.scope import Scope
from ...universe.address.point import ANONYMOUS, HYPERUSER, ROOT, Point
from .base import PolicyKitBase
from .world import ALICE, BOB, COUNTRY, HOME, LETTERS, NOBODY, NOTES, POINTS

__all__ = ["Refusals", "Rules", "Scopes"]


class Rules(PolicyKitBase):
    """What each agent may do."""

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_the_hyperuser_may_do_everything_on_everything(self, letter: str) -> None:
        world = await self.world()
        for point in POINTS:
            assert await world.allows(HYPERUSER, point, letter), f"{HYPERUSER} must be let do {letter!r} on {point}"

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_an_owner_may_do_everything_on_what_it_owns(self, letter: str) -> None:
        world = await self.world()
        assert await world.allows(ALICE, HOME, letter), f"{ALICE} owns {HOME} and must be let do {letter!r} on it"

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_a_stranger_may_do_nothing_without_a_grant(self, letter: str) -> None:
        world = await self.world()
        expected = letter in self.strangers_may
        for agent, target in ((BOB, HOME), (ALICE, COUNTRY)):
            allowed = await world.allows(agent, target, letter)
            assert allowed is expected, self._stranger(agent, target, letter, allowed)

    @pytest.mark.parametrize("letter", LETTERS)
    async def test_anonymous_may_do_nothing_without_a_grant(self, letter: str) -> None:
        world = await self.world()
        for point in (ROOT, COUNTRY, HOME, NOTES):
            allowed = await world.allows(ANONYMOUS, point, letter)
            assert not allowed or letter in self.strangers_may, self._stranger(ANONYMOUS, point, letter, allowed)

    async def test_an_agent_that_is_not_registered_may_do_nothing(self) -> None:
        world = await self.world()
        for letter in await world.allowed(NOBODY, HOME):
            assert letter in self.strangers_may, self._stranger(NOBODY, HOME, letter, True)

    def _stranger(self, agent: Point, target: Point, letter: str, allowed: bool) -> str:
        does = "lets" if allowed else "does not let"
        return (
            f"`strangers_may` is {self.strangers_may!r}, and the policy {does} {agent} do {letter!r} on {target}: "
            "repair the policy, or correct `strangers_may` in the test class"
        )

    async def test_a_privilege_is_not_given_away(self) -> None:
        world = await self.world()
        need = Need("", "property:email:read")
        assert await world.allows(ALICE, HOME, need)
        assert not await world.allows(BOB, HOME, need)

    async def test_a_permission_and_a_privilege_are_both_needed(self) -> None:
        self.needs_grants()
        world = await self.world()
        await world.grant(f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}")
        assert await world.allows(BOB, HOME, "r"), f"{ALICE} has granted {BOB} to read {HOME}, and it is refused"
        assert not await world.allows(BOB, HOME, Need("r", "property:email:read"))


class Refusals(PolicyKitBase):
    """The content of a refusal."""

    async def test_a_refusal_names_the_agent_and_the_target_and_has_a_cure(self) -> None:
        world = await self.world()
        refusal = await world.refusal(BOB, HOME, self.refused_letter())
        assert refusal.status == 403, f"a refusal of {BOB} must have the status 403, and has {refusal.status}"
        for point in (BOB, HOME):
            assert point.text in refusal.why, f"a refusal must name {point}, and says {refusal.why!r}"
        assert refusal.hint, f"a refusal must have a hint that says what to do; it only says {refusal.why!r}"

    async def test_a_refusal_for_a_privilege_names_it(self) -> None:
        world = await self.world()
        refusal = await world.refusal(BOB, HOME, Need("", "property:email:read"))
        assert "property:email:read" in refusal.why, f"it must name the privilege, and says {refusal.why!r}"


class Scopes(PolicyKitBase):
    """A scope limits permissions, and grants none."""

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
        stranger = await world.allowed(BOB, HOME, scope)
        assert set(stranger) <= set(self.strangers_may) & {"r"}, f"a scope has given {BOB} {stranger!r} on {HOME}"
        beside = await world.allowed(ALICE, NOTES, scope)
        assert beside == "", f"a scope of {HOME} alone has let {ALICE} do {beside!r} on {NOTES}"
