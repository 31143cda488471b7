"""CedarPolicy: policies in the language Cedar decide, together with grants or instead of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from hyperverse_core.errors import InternalError
from hyperverse_core.policy import (
    ACCESS_CHANGES,
    Administration,
    Credentials,
    Decision,
    Explanation,
    Identified,
    PolicyView,
    Reason,
    Request,
    SecurityPolicy,
)
from hyperverse_core.registry import Change, ChangeKind
from hyperverse_core.values import HYPERUSER, Access, Point, Scope, ScopeKind
from hyperverse_grants.policy import GrantsPolicy

from .administration import TokensOnly
from .judge import Judge, Ruling
from .refusal import is_nonsense, refused, refused_by_scope
from .rules import Rule, RuleSet
from .settings import CedarSettings

__all__ = ["CedarPolicy"]

_PLATFORM = "the hyperuser and the stars may do everything"


class CedarPolicy(SecurityPolicy):
    """Security by policies in the language Cedar (https://www.cedarpolicy.com).

    In the mode ``narrow`` an agent may do what the policy ``grants`` and the Cedar policies both allow. In the mode
    ``replace`` the Cedar policies decide alone. In both modes the hyperuser and the stars may do everything. Tokens
    identify clients, as with ``grants``.

    Args:
        settings: see :class:`~hyperverse_cedar.settings.CedarSettings`.
        now: the time in seconds since 1970.

    Raises:
        ConfigError: a setting is wrong, or a policy cannot be read; it lists every fault, with file and line.
    """

    settings_class = CedarSettings
    plain_settings = ("policies", "mode", "same_owner", "anonymous")

    def __init__(self, settings: Mapping[str, Any] | None = None, *, now: Callable[[], float] = time.time) -> None:
        super().__init__(settings)
        self._settings = CedarSettings.of(self.settings)
        self._rules = RuleSet.read(self._settings.policies)
        self._grants = GrantsPolicy(self._settings.of_grants, now=now)
        self._now = now
        self._view: PolicyView | None = None
        self._judge: Judge | None = None
        self.change_kinds = ACCESS_CHANGES
        if self._rules.uses.properties:
            self.change_kinds |= {ChangeKind.PROPERTIES}

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self, view: PolicyView) -> None:
        """Keeps the view for later reads; reads nothing yet."""
        self._view = view
        self._judge = Judge(self._rules, view, self._now)
        await self._grants.open(view)

    async def close(self) -> None:
        """Forgets everything. May be called twice."""
        await self._grants.close()

    def changed(self, change: Change) -> None:
        """Drops the grants that a change affects. The fabric drops records, and nothing else is kept."""
        self._grants.changed(change)

    def forget(self) -> None:
        """Drops all cached grants."""
        self._grants.forget()

    # -- identities ---------------------------------------------------------------------------------------

    async def authenticate(self, credentials: Credentials) -> Point:
        """Returns the agent of the presented token, as the policy ``grants`` does. Raises Unauthorized, Unavailable."""
        return await self._grants.authenticate(credentials)

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent of the presented token, with the token's bounds. Raises Unauthorized, Unavailable."""
        return await self._grants.identify(credentials)

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Admits a machine that presents the token of its star. Raises Unauthorized, Unavailable."""
        await self._grants.authenticate_machine(name, credentials)

    # -- what they may do ---------------------------------------------------------------------------------

    async def decide(self, request: Request) -> Decision:
        """Returns whether the agent may do it."""
        (decision,) = await self.decide_many((request,))
        return decision

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        """Returns the answers to many requests, with one look-up of records for all of them."""
        before = await self._before(requests)
        open_ = [n for n, decision in enumerate(before) if decision.allowed and not _is_platform(requests[n])]
        verdicts = await self._opened().verdicts([requests[n] for n in open_]) if open_ else []
        answers = list(before)
        for number, verdict in zip(open_, verdicts, strict=True):
            answers[number] = self._decision(requests[number], before[number], verdict)
        return answers

    async def explain(self, request: Request) -> Explanation:
        """Returns the answer with its reasons: the grants that were considered, and the Cedar policies that decide."""
        decision = await self.decide(request)
        if self._settings.narrows:
            found = await self._grants.explain(request)
        else:
            (before,) = await self._before((request,))
            found = Explanation(request, before, before.why)
        if not found.decision.allowed or _is_platform(request):
            return found
        (verdict,) = await self._opened().verdicts((request,))
        rule = decision.why if verdict.allowed and self._settings.narrows else _rule_of(verdict)
        takes_part = not verdict.allowed or not self._settings.narrows
        reasons = [_reason(rule, decides=takes_part) for rule in verdict.deciding]
        reasons += [_reason(rule, decides=True, why="it cannot be evaluated") for rule in verdict.failed]
        access = found.access if verdict.allowed else ""
        earlier = (
            found.reasons if verdict.allowed else [attrs.evolve(reason, decides=False) for reason in found.reasons]
        )
        return Explanation(request, decision, rule, (*earlier, *reasons), access)

    @property
    def administration(self) -> Administration:
        """Returns the administration of ``grants``, or only that of tokens if grants do not count."""
        whole = self._grants.administration
        return whole if self._settings.narrows else TokensOnly(whole)

    # -- inside -------------------------------------------------------------------------------------------

    async def _before(self, requests: Sequence[Request]) -> Sequence[Decision]:
        """Returns the answers before the Cedar policies are consulted."""
        if self._settings.narrows:
            return await self._grants.decide_many(requests)
        return [await self._left_open(request) for request in requests]

    async def _left_open(self, request: Request) -> Decision:
        """Returns yes if the need is valid and the scope of the wave includes it."""
        if is_nonsense(request.need):
            return refused(request, (), (), frozenset())
        scope = request.scope
        if scope is None or scope.kind is ScopeKind.FULL:
            return Decision.allow(_PLATFORM if _is_platform(request) else "", rests_on=frozenset())
        access, rests_on = await self._bound(request, scope)
        need = request.need
        permissions = access.permissions()
        within = access.has_full or (
            all(permissions.has(letter) for letter in need.permission)
            and (not need.privilege or access.has_privilege(need.privilege))
        )
        return Decision.allow(_PLATFORM, rests_on=rests_on) if within else refused_by_scope(request, rests_on)

    async def _bound(self, request: Request, scope: Scope) -> tuple[Access, frozenset[Point]]:
        """Returns the access that a scope allows on the target, and the points that were looked up for it."""
        if scope.kind is ScopeKind.NONE or self._view is None:
            return Access.NONE, frozenset()
        target = request.record
        path = [point for point in (target.point, *target.point.ancestors()) if not point.is_root]
        records = {**await self._view.records(tuple(path)), target.point: target}
        kinds = [records[point].kind for point in reversed(path) if point in records]
        if len(kinds) != len(path):
            return Access.NONE, frozenset(path)
        return scope.bound(Access.SUPER, target.point, kinds), frozenset(path)

    def _decision(self, request: Request, before: Decision, verdict: Ruling) -> Decision:
        assert isinstance(before.rests_on, frozenset)  # the policy 'grants' and this one always set it
        if not verdict.allowed:
            return refused(request, verdict.deciding, verdict.failed, verdict.rests_on, verdict.holds_for)
        why = before.why if self._settings.narrows else _rule_of(verdict)
        return Decision.allow(why, rests_on=before.rests_on | verdict.rests_on, holds_for=verdict.holds_for)

    def _opened(self) -> Judge:
        if self._judge is None:
            raise InternalError("the policy 'cedar' was asked before it was opened")
        return self._judge


def _is_platform(request: Request) -> bool:
    """Whether the agent is the hyperuser or a star, which no policy can lock out."""
    agent = request.agent
    return agent == HYPERUSER or (agent.star_key is not None and agent == Point.of_star(agent.star_key))


def _rule_of(verdict: Ruling) -> str:
    if verdict.failed:
        return f"the Cedar policy {verdict.failed[0].name!r} forbids something, but cannot be evaluated"
    if not verdict.deciding:
        return "no Cedar policy permits it"
    does = "permits" if verdict.allowed else "forbids"
    return f"the Cedar policy {verdict.deciding[0].name!r} {does} it"


def _reason(rule: Rule, *, decides: bool, why: str = "") -> Reason:
    text = " ".join(rule.statement.text.split())
    return Reason(
        text, rule.statement.name or rule.statement.place, None, decides=decides, why=why or rule.statement.place
    )
