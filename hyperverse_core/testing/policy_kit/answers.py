"""The shape of answers: a Decision that depends on the question alone, one by one or many at once, with its reasons."""

from __future__ import annotations

import asyncio

import attrs

from ...contracts.administration import Administration
from ...contracts.policy import ANYTHING, Decision, Explanation, HoldsFor, Request
from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ..differences import first_difference
from .base import PolicyKitBase
from .world import AGENTS, ALICE, BOB, COUNTRY, HOME, NOTES, PolicyWorld

__all__ = ["Answers", "Explanations"]

_TARGETS = (COUNTRY, HOME, NOTES)
_OTHER_ACTIONS = ("Cmd<Update>", "Ext<Pay>", "create", "get", "stop")


async def _requests(world: PolicyWorld) -> list[Request]:
    """A question of each kind: allowed and refused, with and without a scope."""
    scopes = (None, Scope.NONE, Scope.parse("{perm +csd-Rwx on localhost:alice}"))
    return [
        await world.request(agent, target, letter, scope)
        for agent in AGENTS
        for target in _TARGETS
        for letter in "rx"
        for scope in scopes
    ]


class Answers(PolicyKitBase):
    """What an answer is, and what it depends on."""

    async def test_every_answer_is_a_decision(self) -> None:
        world = await self.world()
        for asked, decision in (await world.decisions()).items():
            assert type(decision) is Decision, asked
            assert type(decision.allowed) is bool, asked
            assert isinstance(decision.holds_for, HoldsFor), asked
            assert decision.rests_on is ANYTHING or (
                isinstance(decision.rests_on, frozenset) and all(isinstance(p, Point) for p in decision.rests_on)
            ), asked
            if not decision.allowed:
                assert decision.why, asked
                assert decision.status in (401, 403), asked

    async def test_answers_depend_on_the_question_only(self) -> None:
        world = await self.world()
        first = await world.answers()
        assert await world.answers() == first, "asked a second time"
        world.policy.forget()
        assert await world.answers() == first, "asked after it was told to forget"
        assert await (await self.world()).answers() == first, "asked of a new policy"

    async def test_questions_at_once_get_the_answers_that_they_get_alone(self) -> None:
        world = await self.world()
        alone = await world.answers()
        world.policy.forget()
        at_once = await asyncio.gather(*(world.allows(*asked) for asked in alone))
        assert dict(zip(alone, at_once, strict=True)) == alone

    async def test_many_questions_get_the_answers_that_they_get_alone(self) -> None:
        world = await self.world()
        requests = await _requests(world)
        alone = [await world.policy.decide(request) for request in requests]
        world.policy.forget()
        together = await world.policy.decide_many(requests)
        difference = first_difference([(d.allowed, d.status) for d in together], [(d.allowed, d.status) for d in alone])
        assert not difference, difference

    async def test_no_question_gets_no_answer(self) -> None:
        world = await self.world()
        assert list(await world.policy.decide_many(())) == []

    async def test_an_answer_holds_for_the_requests_that_it_says(self) -> None:
        world = await self.world()
        for request in await _requests(world):
            decision = await world.policy.decide(request)
            if decision.holds_for is HoldsFor.REQUEST:
                continue
            others = [attrs.evolve(request, chain=(ALICE.text,)), attrs.evolve(request, session="another")]
            others.append(attrs.evolve(request, path="/another"))
            if decision.holds_for is HoldsFor.NEED:
                others += [attrs.evolve(request, action=action) for action in _OTHER_ACTIONS]
            for other in others:
                assert (await world.policy.decide(other)).allowed == decision.allowed, other

    async def test_asking_changes_nothing_in_the_registry(self) -> None:
        world = await self.world()
        before = await world.registry.revision()
        await world.answers()
        assert await world.registry.revision() == before

    async def test_it_may_be_closed_twice(self) -> None:
        world = await self.world()
        await world.policy.close()
        await world.policy.close()

    async def test_it_offers_a_whole_administration_or_none(self) -> None:
        world = await self.world()
        offered = world.policy.administration
        assert offered is None or isinstance(offered, Administration)


class Explanations(PolicyKitBase):
    """An explanation is the answer with its reasons."""

    async def test_an_explanation_says_the_same_as_the_answer(self) -> None:
        world = await self.world()
        for request in await _requests(world):
            decision = await world.policy.decide(request)
            explanation = await world.policy.explain(request)
            assert isinstance(explanation, Explanation)
            assert explanation.decision.allowed == decision.allowed, request
            assert explanation.request == request
            assert explanation.rule, request
            assert request.agent.text in str(explanation)

    async def test_an_explanation_names_the_grant_that_decides_and_who_made_it(self) -> None:
        self.needs_grants()
        world = await self.world()
        other = await world.grant(f"perm +csd-rwX on {HOME} to {BOB} by {ALICE}")
        grant = await world.grant(f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}")
        explanation = await world.policy.explain(await world.request(BOB, HOME, "r"))
        deciding = [(reason.id, reason.by) for reason in explanation.reasons if reason.decides]
        assert deciding == [(str(grant.id), ALICE)]
        assert str(other.id) not in [reason.id for reason in explanation.reasons if reason.decides]
        assert str(grant.id) in str(explanation)
