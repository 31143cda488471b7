"""Asks the engine, and reads its answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import cedarpy

from hyperverse_core.errors import InternalError
from hyperverse_core.policy import HoldsFor, Need, PolicyView, Request
from hyperverse_core.values import Point

from .facts import RequestFacts, gather, uid
from .rules import Rule, RuleSet
from .vocabulary import ACTION, GROUP_OF, PRIVILEGE

__all__ = ["Judge", "Ruling"]

_POLICY = re.compile(r"`(policy[0-9]+)`")
_AT_ONCE = 200
"""Number of questions that are asked before other tasks may run: about 10 ms."""


@attrs.frozen
class Ruling:
    """The answer of the policies to a question.

    Attributes:
        allowed: whether a policy permits it and none forbids it.
        deciding: the policies that determine the answer; empty if none permits it.
        failed: policies that forbid something, but could not be evaluated. It is unknown what they forbid, so nothing
            is allowed.
        rests_on: the points on which the answer depends.
        holds_for: the later requests for which the answer may be used.
    """

    allowed: bool
    deciding: tuple[Rule, ...]
    failed: tuple[Rule, ...]
    rests_on: frozenset[Point]
    holds_for: HoldsFor


class Judge:
    """Asks the engine.

    Args:
        rules: the policies.
        view: the view from which records are read.
        now: the time in seconds since 1970.
    """

    def __init__(self, rules: RuleSet, view: PolicyView, now: Callable[[], float]) -> None:
        self._rules = rules
        self._view = view
        self._now = now

    async def verdicts(self, requests: Sequence[Request]) -> list[Ruling]:
        """Returns the answer of the policies to each request. A request that needs several permissions is allowed if
        each of them is. Raises Unavailable if the registry cannot be reached."""
        facts = await gather(requests, self._rules.uses, self._view)
        asked: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, request in enumerate(requests):
            for group in _groups(request.need):
                asked[request.action, group].append(number)
        said: list[list[Ruling]] = [[] for _ in requests]
        for (action, group), numbers in asked.items():
            for first in range(0, len(numbers), _AT_ONCE):
                if first:
                    await asyncio.sleep(0)
                some = numbers[first : first + _AT_ONCE]
                for number, verdict in zip(some, self._ask(action, group, [facts[n] for n in some]), strict=True):
                    said[number].append(verdict)
        return [_together(verdicts) for verdicts in said]

    def _ask(self, action: str, group: str, facts: Sequence[RequestFacts]) -> Iterator[Ruling]:
        """Yields the answers of the policies to questions with the same action and need."""
        told: dict[Point, dict[str, Any]] = {}
        for one in facts:
            for point, entity in one.entities(self._rules.uses.properties).items():
                if entity["attrs"] or point not in told:
                    told[point] = entity
        groups = [{"type": ACTION, "id": group}] if group else []
        acts = {"uid": {"type": ACTION, "id": action}, "attrs": {}, "parents": groups}
        entities = cedarpy.Entities.from_json_str(json.dumps([*told.values(), acts]))
        questions = [self._question(one.request, group) for one in facts]
        found = cedarpy.is_authorized_batch(questions, self._rules.policies, entities)
        once = _in_reach(self._rules.of_the_request, questions, entities)
        acting = _in_reach(self._rules.of_the_action, questions, entities)
        for one, answer, rests_once, rests_on_action in zip(facts, found, once, acting, strict=True):
            holds_for = HoldsFor.REQUEST if rests_once else HoldsFor.ACTION if rests_on_action else HoldsFor.NEED
            yield self._read(answer, one.points, holds_for)

    def _question(self, request: Request, group: str) -> dict[str, Any]:
        letter = next((letter for letter, name in GROUP_OF.items() if name == group), "")
        context: dict[str, Any] = {
            "permission": letter,
            "privilege": request.need.privilege if group == PRIVILEGE else "",
            "path": request.path,
            "chain": list(request.chain),
            "now": int(self._now()),
        }
        return {
            "principal": uid(request.agent),
            "action": {"type": ACTION, "id": request.action},
            "resource": uid(request.record.point),
            "context": {name: context[name] for name in self._rules.uses.context},
        }

    def _read(self, answer: cedarpy.AuthzResult, points: frozenset[Point], holds_for: HoldsFor) -> Ruling:
        if answer.decision is cedarpy.Decision.NoDecision:
            raise InternalError("the engine of the Cedar policies gave no answer")
        rules = self._rules.by_id
        deciding = tuple(rules[name] for name in answer.diagnostics.reasons)
        faulty = [name for error in answer.diagnostics.errors for name in _POLICY.findall(str(error))]
        failed = tuple(rules[name] for name in dict.fromkeys(faulty) if name in rules and rules[name].forbids)
        return Ruling(answer.allowed and not failed, deciding, failed, points, holds_for)


def _groups(need: Need) -> list[str]:
    """Returns the groups of the action: one for each needed permission, and one for the needed privilege."""
    groups = [GROUP_OF[letter] for letter in dict.fromkeys(need.permission)]
    return [*groups, *([PRIVILEGE] if need.privilege else [])] or [""]


def _in_reach(
    policies: cedarpy.PolicySet | None, questions: list[dict[str, Any]], entities: cedarpy.Entities
) -> list[bool]:
    """Returns, for each question, whether one of ``policies`` could apply to it."""
    if policies is None:
        return [False] * len(questions)
    found = cedarpy.is_authorized_batch(questions, policies, entities)
    return [answer.allowed or bool(answer.diagnostics.errors) for answer in found]


def _together(verdicts: Sequence[Ruling]) -> Ruling:
    """Combines the verdicts on each permission: the first refusal, or one that allows all of them."""
    refusal = next((verdict for verdict in verdicts if not verdict.allowed), None)
    if refusal is not None:
        return refusal
    rules = dict.fromkeys(rule.id for verdict in verdicts for rule in verdict.deciding)
    by_id = {rule.id: rule for verdict in verdicts for rule in verdict.deciding}
    order = (HoldsFor.REQUEST, HoldsFor.ACTION, HoldsFor.NEED)
    return Ruling(
        True,
        tuple(by_id[name] for name in rules),
        (),
        frozenset[Point]().union(*(verdict.rests_on for verdict in verdicts)),
        min((verdict.holds_for for verdict in verdicts), key=order.index),
    )
