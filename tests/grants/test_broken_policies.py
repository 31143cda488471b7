"""The kit catches policies that are wrong, each in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import attrs
import pytest

from hyperverse_core.contracts.administration import Administration
from hyperverse_core.contracts.policy import (
    Credentials,
    Decision,
    Explanation,
    Need,
    Request,
    SecurityPolicy,
)
from hyperverse_core.contracts.registry import Change, ChangeKind, TokenRecord
from hyperverse_core.errors import Unauthorized, Unavailable
from hyperverse_core.testing import PolicyConformance
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_grants.policy import GrantsPolicy

# -- rules ----------------------------------------------------------------------------------------------------


class LetsEverybodyIn(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        return Decision.allow("why not", rests_on=frozenset())


class IgnoresPrivileges(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        return await super().decide(attrs.evolve(request, need=Need(request.need.permission)))


class IgnoresScopes(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        return await super().decide(attrs.evolve(request, scope=None))


class RefusesInSilence(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        decision = await super().decide(request)
        return decision if decision.allowed else attrs.evolve(decision, why="no", hint="")


# -- who somebody is ------------------------------------------------------------------------------------------


class NamesTheSecret(GrantsPolicy):
    async def authenticate(self, credentials: Credentials) -> Point:
        try:
            return await super().authenticate(credentials)
        except Unauthorized:
            raise Unauthorized(f"the token {credentials.token!r} is wrong", hint="show another") from None


class TakesDigests(GrantsPolicy):
    """Looks the token up as it is, so that whoever reads the registry has all tokens."""

    async def authenticate(self, credentials: Credentials) -> Point:
        known = await self._opened().registry.token(credentials.token)
        return known.agent if known is not None else await super().authenticate(credentials)


class LetsAnybodyBeTheHyperuser(GrantsPolicy):
    async def authenticate(self, credentials: Credentials) -> Point:
        return HYPERUSER


class RemembersTokens(GrantsPolicy):
    """Keeps tokens, also those that were revoked meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._tokens: dict[str, TokenRecord] = {}

    async def authenticate(self, credentials: Credentials) -> Point:
        if credentials.token not in self._tokens:
            agent = await super().authenticate(credentials)
            self._tokens[credentials.token] = TokenRecord("", agent)
        return self._tokens[credentials.token].agent


class BelievesWhatAMachineSays(GrantsPolicy):
    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        pass


class TakesAnyTokenForAMachine(GrantsPolicy):
    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        await self.authenticate(credentials)


# -- answers --------------------------------------------------------------------------------------------------


class AnswersYes(GrantsPolicy):
    """Answers true or false, as one is tempted to."""

    async def decide(self, request: Request) -> Decision:
        return cast(Decision, (await super().decide(request)).allowed)


class AnswersByTheTime(GrantsPolicy):
    """Refuses every hundredth question."""

    asked = 0

    async def decide(self, request: Request) -> Decision:
        self.asked += 1
        if self.asked % 100 == 0:
            return Decision.refuse(f"{request.agent} is late for {request.record.point}")
        return await super().decide(request)


class MixesAnswersUp(GrantsPolicy):
    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        return list(reversed(await super().decide_many(requests)))


class TrustsMany(GrantsPolicy):
    """Looks at the first of many questions only."""

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        first = [await self.decide(request) for request in requests[:1]]
        return first * len(requests)


class LooksAtTheAction(GrantsPolicy):
    """Refuses a method without saying that the answer holds for this method only."""

    async def decide(self, request: Request) -> Decision:
        if request.action == "Ext<Pay>":
            return Decision.refuse("nobody pays here", rests_on=frozenset())
        return await super().decide(request)


class LooksAtTheChain(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        if request.chain:
            return Decision.refuse("not on somebody's way", rests_on=frozenset())
        return await super().decide(request)


class OffersHalfAnAdministration(GrantsPolicy):
    @property
    def administration(self) -> Administration | None:
        return cast(Administration, self)


class ExplainsSomethingElse(GrantsPolicy):
    async def explain(self, request: Request) -> Explanation:
        return await super().explain(attrs.evolve(request, scope=None))


class ExplainsWithoutNames(GrantsPolicy):
    async def explain(self, request: Request) -> Explanation:
        return await SecurityPolicy.explain(self, request)


# -- what they rest on ----------------------------------------------------------------------------------------


class NeverForgets(GrantsPolicy):
    def changed(self, change: Change) -> None:
        pass


class HearsOfGrantsOnly(GrantsPolicy):
    """Keeps its own answers until a grant is made."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[tuple[Point, Need, Point], Decision] = {}

    async def decide(self, request: Request) -> Decision:
        key = (request.agent, request.need, request.record.point)
        if key not in self._answers or request.scope is not None:
            self._answers[key] = await super().decide(request)
        return self._answers[key]

    def changed(self, change: Change) -> None:
        super().changed(change)
        if change.kind in (ChangeKind.GRANTED, ChangeKind.REVOKED):
            self._answers.clear()


class KeepsWhatIsOld(GrantsPolicy):
    """Puts grants away even when they have changed while it read them."""

    def changed(self, change: Change) -> None:
        under_way, self._grants()._under_way = self._grants()._under_way, set()
        super().changed(change)
        self._grants()._under_way = under_way


class KeepsWhatItShouldForget(GrantsPolicy):
    def forget(self) -> None:
        book = self._grants()
        under_way, book._under_way = book._under_way, set()
        asks = book._asks_for_roots
        super().forget()
        book._under_way, book._asks_for_roots = under_way, asks


class RestsOnTheTargetOnly(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        return attrs.evolve(await super().decide(request), rests_on=frozenset({request.record.point}))


class ForgetsTheAgent(GrantsPolicy):
    """Does not say that an answer rests on what the agent is."""

    async def decide(self, request: Request) -> Decision:
        decision = await super().decide(request)
        assert isinstance(decision.rests_on, frozenset)
        return attrs.evolve(decision, rests_on=decision.rests_on - {request.agent})


class RestsOnNothing(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        return attrs.evolve(await super().decide(request), rests_on=frozenset())


class RestsOnAnything(GrantsPolicy):
    """Lets every change drop its answers, and does not declare it."""

    async def decide(self, request: Request) -> Decision:
        decision = await super().decide(request)
        return Decision(decision.allowed, decision.why, hint=decision.hint)


# -- failures -------------------------------------------------------------------------------------------------


class LetsInWhatItCannotLookUp(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        try:
            return await super().decide(request)
        except Unavailable:
            return Decision.allow("nobody can say otherwise")


class FailsInItsOwnWay(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        try:
            return await super().decide(request)
        except Unavailable as exc:
            raise ConnectionError("no registry") from exc


class RemembersFailures(GrantsPolicy):
    failed = False

    async def decide(self, request: Request) -> Decision:
        try:
            decision = await super().decide(request)
        except Unavailable:
            self.failed = True
            raise
        return Decision.refuse("it has failed before") if self.failed else decision


class SwallowsCancellation(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        try:
            return await super().decide(request)
        except asyncio.CancelledError:
            await asyncio.sleep(60)
            raise


class ChokesOnNonsense(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        for letter in request.need.permission:
            {"c": 1, "s": 2, "d": 3, "r": 4, "w": 5, "x": 6}[letter]
        return await super().decide(request)


class LooksTheTargetUp(GrantsPolicy):
    async def decide(self, request: Request) -> Decision:
        target = request.record.point
        await self._opened().registry.record(target)
        return await super().decide(request)


BROKEN = [
    (LetsEverybodyIn, "test_a_stranger_may_do_nothing_without_a_grant"),
    (IgnoresPrivileges, "test_a_privilege_is_not_given_away"),
    (IgnoresPrivileges, "test_a_permission_and_a_privilege_are_both_needed"),
    (IgnoresScopes, "test_a_scope_bounds_and_gives_nothing"),
    (RefusesInSilence, "test_a_refusal_names_the_agent_and_the_target_and_has_a_cure"),
    (NamesTheSecret, "test_an_unknown_token_is_refused_without_naming_it"),
    (TakesDigests, "test_the_digest_of_a_token_is_no_token"),
    (LetsAnybodyBeTheHyperuser, "test_no_token_gives_nobody_or_anonymous"),
    (RemembersTokens, "test_a_revoked_token_is_refused_at_once"),
    (BelievesWhatAMachineSays, "test_a_stranger_is_no_machine"),
    (BelievesWhatAMachineSays, "test_a_name_that_no_machine_can_have_is_refused"),
    (TakesAnyTokenForAMachine, "test_a_stranger_is_no_machine"),
    (AnswersYes, "test_every_answer_is_a_decision"),
    (AnswersByTheTime, "test_answers_depend_on_the_question_only"),
    (MixesAnswersUp, "test_many_questions_get_the_answers_that_they_get_alone"),
    (TrustsMany, "test_many_questions_get_the_answers_that_they_get_alone"),
    (LooksAtTheAction, "test_an_answer_holds_for_the_requests_that_it_says"),
    (LooksAtTheChain, "test_an_answer_holds_for_the_requests_that_it_says"),
    (OffersHalfAnAdministration, "test_it_offers_a_whole_administration_or_none"),
    (ExplainsSomethingElse, "test_an_explanation_says_the_same_as_the_answer"),
    (ExplainsWithoutNames, "test_an_explanation_names_the_grant_that_decides_and_who_made_it"),
    (NeverForgets, "test_a_grant_counts_until_it_is_revoked"),
    (HearsOfGrantsOnly, "test_a_new_owner_counts_as_soon_as_the_policy_was_told"),
    (HearsOfGrantsOnly, "test_an_answer_is_kept_until_something_changes_that_it_rests_on"),
    (KeepsWhatIsOld, "test_what_is_being_read_while_it_changes_is_not_kept"),
    (KeepsWhatItShouldForget, "test_what_is_being_read_while_it_is_told_to_forget_is_not_kept"),
    (RestsOnTheTargetOnly, "test_an_answer_is_kept_until_something_changes_that_it_rests_on"),
    (ForgetsTheAgent, "test_an_answer_is_kept_until_something_changes_that_it_rests_on"),
    (RestsOnNothing, "test_an_answer_is_kept_until_something_changes_that_it_rests_on"),
    (RestsOnAnything, "test_what_an_answer_does_not_rest_on_does_not_touch_it"),
    (LetsInWhatItCannotLookUp, "test_a_failing_registry_is_an_error_of_the_platform_and_is_not_remembered"),
    (FailsInItsOwnWay, "test_a_failing_registry_is_an_error_of_the_platform_and_is_not_remembered"),
    (RemembersFailures, "test_a_failing_registry_is_an_error_of_the_platform_and_is_not_remembered"),
    (LetsAnybodyBeTheHyperuser, "test_nobody_comes_in_while_the_registry_fails"),
    (SwallowsCancellation, "test_a_question_that_nobody_waits_for_ends"),
    (ChokesOnNonsense, "test_nonsense_is_refused"),
    (LooksTheTargetUp, "test_a_target_that_is_not_registered_is_no_error"),
]


@pytest.mark.parametrize(("broken", "test"), BROKEN, ids=[f"{cls.__name__}-{name}" for cls, name in BROKEN])
async def test_the_kit_catches_it(broken: type[GrantsPolicy], test: str) -> None:
    class Kit(PolicyConformance):
        def make(self) -> SecurityPolicy:
            return broken()

    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        await _run(Kit(), test)
    assert not isinstance(caught.value, (AttributeError, TypeError)), "the broken policy is broken in another way"


async def _run(kit: PolicyConformance, test: str) -> None:
    method = getattr(kit, test)
    marks = {mark.name: mark for mark in getattr(method, "pytestmark", [])}
    if "parametrize" not in marks:
        await method()
        return
    for value in marks["parametrize"].args[1]:
        await method(value)


async def test_a_policy_that_lets_every_change_drop_its_answers_may_say_so() -> None:
    class Kit(PolicyConformance):
        knows_what_it_rests_on = False

        def make(self) -> SecurityPolicy:
            return RestsOnAnything()

    await Kit().test_an_answer_is_kept_until_something_changes_that_it_rests_on()
    with pytest.raises(pytest.skip.Exception):
        await Kit().test_what_an_answer_does_not_rest_on_does_not_touch_it()
