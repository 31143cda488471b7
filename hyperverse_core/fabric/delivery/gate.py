"""Gate: the one place of a machine where waves and commands are allowed or refused.

Answers of the policy are cached, see :class:`~.policy_answers.PolicyAnswers`. The hot path does not call the gate: it
reads ``allowed`` of the particle, which contains what the gate has allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

import attrs

from ...contracts.policy import (
    Decision,
    Need,
    Request,
)
from ...contracts.registry import ParticleRecord
from ...errors import Forbidden, HyperverseError
from ...universe.address.point import Point
from ...universe.waves.wave import Directed, Method, MethodKind, Ripple
from ..particles.caller import Caller
from ..particles.letters import NOBODY, AllowAll
from .arrivals import Arrivals
from .checks_in_time import ChecksInTime
from .denial_log import DenialLog
from .explained import refusal, refusal_of
from .kept_answers import Key, key_for, key_of
from .policy_answers import PolicyAnswers, Question, Target
from .watch_table import CHANGED

__all__ = ["Denied", "Gate"]

Denied = Callable[[Point, Point, str, HyperverseError], None]
"""Receives each refusal: agent, target, action, error."""

_NEEDS = {letter: Need(letter) for letter in "csdrwx"}
"""The needs of waves and commands, created once."""


@attrs.define(eq=False)
class _Elsewhere:
    """A particle that may live elsewhere. The policy gives the same answer for it, which is not shown to the hot
    path."""

    record: ParticleRecord
    text: str
    allowed: dict[str, str] = NOBODY
    gone: bool = True


class Gate:
    """Allows what the policy of a machine allows; refusals are logged and reported.

    Args:
        answers: the answers of the policy.
        denied: receives every refusal.
        audit: receives every refusal: agent, target, action, error, and the wave that caused it.
        checks: ends waits for the policy before the waves end that wait; None for checks of its own.

    Attributes:
        answers, checks: the same.
        told: decides of which particles agents may know.
    """

    def __init__(
        self,
        answers: PolicyAnswers,
        denied: Denied,
        *,
        audit: Callable[[Point, Point, str, HyperverseError, Directed | None], None] | None = None,
        checks: ChecksInTime | None = None,
    ) -> None:
        self.answers = answers
        self.checks = checks or ChecksInTime()
        self.told = answers.told
        self._denied = denied
        self._audit = audit
        self._denials = DenialLog()
        self._open: dict[str, frozenset[Method]] = {}
        self._arrivals = Arrivals(answers.covered)
        self._kept = answers.kept

    # -- waves --------------------------------------------------------------------------------------------

    def begin(self, particle: Target, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Decides whether the wave may proceed to the particle. Returns None if it may, or the rest of the decision,
        to be awaited at once in the same task. Both raise like :meth:`authorise`.

        Most policies decide a first wave without waiting, and then this needs no coroutine."""
        method, record = wave.method, particle.record
        if (
            wave.scope is not None
            or method.kind is MethodKind.HYP
            or method is CHANGED
            or type(particle.allowed) is AllowAll
            or record.point.text in self._open
        ):
            self.turn_away(particle, wave)
            return self.authorise(particle, wave)
        need = _NEEDS.get(method.need) or Need(method.need)
        key = key_for(wave.agent, record, need, None)
        if self._kept.refusal(key) is not None:
            self.turn_away(particle, wave)
        return self._begin(particle, wave, need, key)

    async def authorise(self, particle: Target, wave: Directed) -> None:
        """Returns if the wave may proceed to the particle.

        Raises:
            Forbidden, Unauthorized: the policy refuses.
            TimedOut: the time of the wave is nearly over, and the policy has not answered.
            Unavailable: the policy fails, the registry cannot be reached, or the machine stops.
        """
        if wave.method.kind is MethodKind.HYP:
            self._check_star(particle, wave)
        elif wave.method is CHANGED and wave.agent == particle.record.point:
            return  # the particle itself changes what it watches
        elif not isinstance(particle.allowed, AllowAll) and not self.is_open(particle.record.point, wave.method):
            need = wave.method.need
            await self._pass(particle, wave, _NEEDS.get(need) or Need(need))

    async def authorise_again(self, wave: Directed) -> None:
        """Returns if the agent of a wave that was handled before may still send it, wherever its particle lives now.
        Raises like :meth:`authorise`."""
        record = await self.told.record(wave.to)
        if record is not None:
            await self.authorise(_Elsewhere(record, record.point.text), wave)

    def turn_away(self, particle: Target, wave: Directed) -> None:
        """Raises the result of :meth:`kept_refusal`, unless that is None."""
        error = self.kept_refusal(particle, wave)
        if error is not None:
            raise error

    def kept_refusal(self, particle: Target, wave: Directed) -> HyperverseError | None:
        """Returns the cached refusal of a wave, or None. It needs no coroutine and no request, so that a wave that is
        refused repeatedly does not cost more than one that is allowed. The refusal is logged and reported."""
        method, record = wave.method, particle.record
        if wave.scope is not None or method.kind is MethodKind.HYP:
            return None
        decision = self._kept.refusal(
            (wave.agent.text, record.point.text, record.owner.text, method.need, "", None, "")
        )
        if decision is None or (method is CHANGED and wave.agent == record.point):
            return None
        if record.point.text in self._open and self.is_open(record.point, method):
            return None
        hidden = self.told.remembered(wave.agent, record.point)
        if hidden is None:
            return None
        if type(wave) is Ripple:  # it may have thousands of copies, so they get no reasons
            error = decision.error()
        else:
            error = refusal_of(wave.agent, record, method.text, _NEEDS.get(method.need) or Need(method.need), decision)
        self._tell(wave.agent, record.point, method.text, error, wave)
        return self.told.missing(record.point) if hidden else error

    def open_to_all(self, particle: Target) -> None:
        """Allows every wave to the particle except waves between stars, because each request there asks the gate
        itself. This lasts as long as the particle is here."""
        particle.allowed = AllowAll()

    def open_methods(self, particle: Target, methods: Collection[Method]) -> None:
        """Allows waves with these methods to the particle, because their handlers ask the gate about another
        particle."""
        self._open[particle.record.point.text] = frozenset(methods)

    def is_open(self, point: Point, method: Method) -> bool:
        """Whether waves with that method need no permission at ``point``."""
        return method in self._open.get(point.text, ())

    async def demand(self, particle: Target, wave: Directed, privilege: str) -> None:
        """Returns if the agent of the wave has ``privilege`` on the particle. Raises like :meth:`authorise`."""
        await self._pass(particle, wave, Need("", privilege))

    async def _pass(self, particle: Target, wave: Directed, need: Need) -> None:
        """Returns if the agent of the wave has what is needed. Raises the refusal otherwise."""
        rest = self._begin(particle, wave, need, key_for(wave.agent, particle.record, need, wave.scope))
        if rest is not None:
            await rest

    def _begin(self, particle: Target, wave: Directed, need: Need, key: Key) -> Coroutine[Any, Any, None] | None:
        """Does what :meth:`_pass` does until something has to be awaited, and returns the rest, or None if the wave may
        proceed. An answer that allows it is shown to the hot path."""
        action = wave.method.text
        covered = particle in self._arrivals.covered
        kept = self._kept.find(key, action)
        if kept is None or not kept.allowed or covered:
            request = Request(wave.agent, action, need, particle.record, wave.scope, wave.chain, wave.topic, wave.path)
            found = kept or self.answers.begin(key, request)
            if isinstance(found, Question) or (found.allowed and covered):
                return self._go_on(particle, wave, key, request, found)
            if not found.allowed:
                return self._refuse(request, found, wave)
        if not particle.gone:
            self._kept.show(particle, key)
        return None

    async def _go_on(
        self, particle: Target, wave: Directed, key: Key, request: Request, found: Decision | Question
    ) -> None:
        decision = await self.checks.run(wave, self._wait(particle, wave, key, request, found))
        if not decision.allowed:
            await self._refuse(request, decision, wave)
        if not particle.gone:  # it may have left while the policy decided
            self._kept.show(particle, key)

    async def _refuse(self, request: Request, decision: Decision, wave: Directed) -> None:
        """Raises the refusal of a wave."""
        error = decision.error() if type(wave) is Ripple else refusal(request, decision)
        raise await self._heard(request, error, wave)

    async def _wait(
        self, particle: Target, wave: Directed, key: Key, request: Request, found: Decision | Question
    ) -> Decision:
        """Returns the decision once it is made and the earlier waves of the same sender have been delivered. Until then
        no wave may take the hot path. Raises Unavailable."""
        arrival = self._arrivals.join(particle, wave)
        try:
            seen = self.answers.changes
            decision = await self.answers.finish(key, found) if isinstance(found, Question) else found
            if decision.allowed and arrival.line[0] is not arrival:
                await arrival.turn()
                if seen != self.answers.changes:
                    decision = await self.answers.decide(request)
            return decision
        finally:
            self._arrivals.leave(arrival)

    def _check_star(self, particle: Target, wave: Directed) -> None:
        """Checks that a star sends a ``Hyp`` wave, because clients and particles never act as a star."""
        star = wave.agent.star_key
        if star is None or wave.agent != Point.of_star(star):
            request = Request(wave.agent, wave.method.text, Need(), particle.record)
            raise self.refused(request, Forbidden(f"only stars may send {wave.method}"), wave)

    # -- commands -----------------------------------------------------------------------------------------

    async def check(self, request: Request, wave: Directed | None = None) -> None:
        """Returns if the policy allows it; a refusal is logged and reported. Raises like :meth:`authorise`.

        Args:
            wave: the wave that makes the request, for the logs.
        """
        decision = await self.decide(request, wave)
        if not decision.allowed:
            raise await self._heard(request, refusal(request, decision), wave)

    async def decide(self, request: Request, wave: Directed | None) -> Decision:
        """Returns the policy's decision; a refusal is not reported. Raises Unavailable, and TimedOut if the time of the
        wave that makes the request is nearly over."""
        key = key_of(request)
        found = self._kept.find(key, request.action) or self.answers.begin(key, request)
        if isinstance(found, Question):
            return await self.checks.run(wave, self.answers.finish(key, found))
        return found

    async def permit(self, caller: Caller, permission: str, target: ParticleRecord, action: str) -> None:
        """Returns if ``caller`` has ``permission`` (a letter) on ``target``. Raises like :meth:`authorise`.

        Args:
            action: the purpose: ``create``, ``delete``, ``select``, ``get``, ``set``, ``watch``.
        """
        agent, scope, need = caller.agent, caller.scope, _NEEDS.get(permission) or Need(permission)
        kept = self._kept.find(key_for(agent, target, need, scope), action)
        if kept is None or not kept.allowed:
            await self.check(Request(agent, action, need, target, scope, caller.chain, caller.session), caller.wave)

    async def check_all(self, requests: Sequence[Request], wave: Directed | None = None) -> None:
        """Returns if the policy allows all of them; the first refusal is logged and reported. Raises like
        :meth:`authorise`."""
        decisions = await self.checks.run(wave, self.answers.decide_many(requests))
        for request, decision in zip(requests, decisions, strict=True):
            if not decision.allowed:
                raise await self._heard(request, refusal(request, decision), wave)

    async def _heard(self, request: Request, error: HyperverseError, wave: Directed | None) -> HyperverseError:
        """Logs and reports a refusal. Returns the error that the agent may see."""
        self.refused(request, error, wave)
        return await self.checks.run(wave, self.told.heard(request, error))

    def refused(self, request: Request, error: HyperverseError, wave: Directed | None = None) -> HyperverseError:
        """Logs and reports that a request is refused. Returns the error, to be raised. Observers get every refusal; the
        log gets the first refusals of an agent in each second, and the audit log the first of each sort."""
        self._tell(request.agent, request.record.point, request.action, error, wave)
        return error

    def _tell(self, agent: Point, target: Point, action: str, error: HyperverseError, wave: Directed | None) -> None:
        self._denials.write(agent, action, target, error, "" if wave is None else wave.id)
        if self._audit is not None:
            self._audit(agent, target, action, error, wave)
        self._denied(agent, target, action, error)
