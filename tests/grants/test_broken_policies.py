"""The kit catches policies that are wrong, each in its own way."""

from __future__ import annotations

import pytest

from hyperverse_core.contracts.policy import Knock, Need, SecurityPolicy
from hyperverse_core.contracts.registry import ParticleRecord, TokenRecord
from hyperverse_core.errors import Forbidden, Unauthorized
from hyperverse_core.testing import PolicyConformance
from hyperverse_core.universe.access.access import Access
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_grants.policy import GrantsPolicy


class LetsEverybodyIn(GrantsPolicy):
    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        return Access.SUPER


class NeverForgets(GrantsPolicy):
    def forget(self) -> None:
        pass


class KeepsWhatIsOld(GrantsPolicy):
    """Puts grants away even when it was told to forget while it read them."""

    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        assert self._book is not None
        self._book._turn = 0
        return await super().authorize(agent, need, target, scope=scope)

    def forget(self) -> None:
        super().forget()
        if self._book is not None:
            self._book._turn = 0


class IgnoresScopes(GrantsPolicy):
    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        return await super().authorize(agent, need, target)


class AnswersByTheTime(GrantsPolicy):
    """Refuses every hundredth question."""

    asked = 0

    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        self.asked += 1
        if self.asked % 100 == 0:
            raise Forbidden(f"{agent} is late for {target.point}")
        return await super().authorize(agent, need, target, scope=scope)


class NamesTheSecret(GrantsPolicy):
    async def authenticate(self, knock: Knock) -> Point:
        try:
            return await super().authenticate(knock)
        except Unauthorized:
            raise Unauthorized(f"the token {knock.token!r} is wrong", hint="show another") from None


class TakesDigests(GrantsPolicy):
    """Looks the token up as it is, so that whoever reads the registry has all tokens."""

    async def authenticate(self, knock: Knock) -> Point:
        known = await self._opened().registry.token(knock.token)
        return known.agent if known is not None else await super().authenticate(knock)


class LetsAnybodyBeTheHyperuser(GrantsPolicy):
    async def authenticate(self, knock: Knock) -> Point:
        return HYPERUSER


class RemembersTokens(GrantsPolicy):
    """Keeps tokens, also those that were revoked meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._tokens: dict[str, TokenRecord] = {}

    async def authenticate(self, knock: Knock) -> Point:
        if knock.token not in self._tokens:
            agent = await super().authenticate(knock)
            self._tokens[knock.token] = TokenRecord("", agent)
        return self._tokens[knock.token].agent


class RefusesInSilence(GrantsPolicy):
    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        try:
            return await super().authorize(agent, need, target, scope=scope)
        except Forbidden:
            raise Forbidden("no") from None


class SaysMoreThanItLets(GrantsPolicy):
    async def access(self, agent: Point, target: ParticleRecord) -> Access:
        return Access.OWNER


BROKEN = [
    (LetsEverybodyIn, "test_a_stranger_may_do_nothing_without_a_grant"),
    (NeverForgets, "test_a_grant_counts_until_it_is_revoked"),
    (KeepsWhatIsOld, "test_what_is_being_read_while_it_is_told_to_forget_is_not_kept"),
    (IgnoresScopes, "test_a_scope_bounds_and_gives_nothing"),
    (AnswersByTheTime, "test_answers_depend_on_the_arguments_only"),
    (NamesTheSecret, "test_an_unknown_token_is_refused_without_naming_it"),
    (TakesDigests, "test_the_digest_of_a_token_is_no_token"),
    (LetsAnybodyBeTheHyperuser, "test_no_token_gives_nobody_or_anonymous"),
    (RemembersTokens, "test_a_revoked_token_is_refused_at_once"),
    (RefusesInSilence, "test_a_refusal_names_the_agent_and_the_target_and_has_a_cure"),
    (SaysMoreThanItLets, "test_access_and_authorize_say_the_same"),
]


@pytest.mark.parametrize(("broken", "test"), BROKEN, ids=[cls.__name__ for cls, _ in BROKEN])
async def test_the_kit_catches_it(broken: type[GrantsPolicy], test: str) -> None:
    class Kit(PolicyConformance):
        def make(self) -> SecurityPolicy:
            return broken()

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await _run(Kit(), test)


async def _run(kit: PolicyConformance, test: str) -> None:
    method = getattr(kit, test)
    marks = {mark.name: mark for mark in getattr(method, "pytestmark", [])}
    if "parametrize" not in marks:
        await method()
        return
    for value in marks["parametrize"].args[1]:
        await method(value)
