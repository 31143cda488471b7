"""Gate: the one place of a machine that asks the policy, for waves and for commands alike.

An answer, yes or no, is kept until something changes that it rests on. The hot path does not come here: it looks into
``allowed`` of the particle, which holds what the gate has let through.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import attrs

from ...contracts.administration import Administration
from ...contracts.policy import (
    ANYTHING,
    Credentials,
    Decision,
    Explanation,
    HoldsFor,
    Identified,
    Need,
    Request,
    SecurityPolicy,
)
from ...contracts.registry import Change, ParticleRecord
from ...errors import Forbidden, HyperverseError, PolicyError
from ...scheduling.begun import Begun
from ...scheduling.deadlines import Deadlines
from ...scheduling.single_flight import SingleFlight
from ...universe.access.scope import Scope
from ...universe.address.point import HYPERUSER, Point
from ...universe.waves.wave import Directed, Method, MethodKind, Ripple
from ..particles.caller import Caller
from ..particles.letters import AllowAll
from .arrivals import Arrivals
from .denial_log import DenialLog
from .explained import refusal, refusal_of
from .guarded_policy import GuardedPolicy
from .kept_answers import Holder, KeptAnswers, Key, for_action
from .told import ReadRecords, Told
from .watch_table import CHANGED

__all__ = ["Denied", "Gate", "Target"]

Denied = Callable[[Point, Point, str, HyperverseError], None]
"""Is told of a refusal: agent, target, action, error."""

T = TypeVar("T")
_log = logging.getLogger("hyperverse.security")
_ROOM = 500_000
"""At most about 70 MB: 100,000 answers about owners, 33,000 about grants."""
_RECENT = 4096
"""Changes that are remembered, to tell whether one has touched an answer while it was found."""
_ALWAYS = frozenset({"Ext<Stop>", "stop"})
"""What the hyperuser may do to a machine whose policy fails."""


_NEEDS = {letter: Need(letter) for letter in "csdrwx"}
"""What waves and commands need, made once."""


class Target(Holder, Protocol):
    """A particle, as far as the gate knows it. The gate alone writes ``allowed``.

    Attributes:
        record: as the registry has it.
        gone: whether it does not live here any more.
    """

    record: ParticleRecord

    @property
    def gone(self) -> bool: ...


@attrs.define(eq=False)
class _Question:
    """A request that waits for its answer.

    Attributes:
        request: the request.
        changes: how many changes the gate had been told of before it was made.
        begun: the answer, as far as the policy has begun it; None to ask anew.
    """

    request: Request
    changes: int
    begun: Begun[Decision] | None = None


@attrs.define(eq=False)
class _Answer:
    """A decision, the request that it was made for, and how many changes the gate had been told of before."""

    decision: Decision
    request: Request
    began: int


class Gate:
    """Asks the policy of a machine.

    Args:
        policy: the policy; open.
        name: of the policy, as the config chooses it; for errors and the log.
        denied: is told of every refusal.
        timeout: seconds that an answer may take.
        room: how much is kept; see :class:`KeptAnswers`.
        audit: is told of every refusal: agent, target, action, error, and the wave behind it.
        deadlines: of the event loop; None for deadlines of its own.
        records: reads records, to find out what agents may know of; None to hide nothing.

    Attributes:
        told: what agents may know of.
    """

    def __init__(
        self,
        policy: SecurityPolicy,
        name: str,
        denied: Denied,
        *,
        timeout: float,
        room: int = _ROOM,
        audit: Callable[[Point, Point, str, HyperverseError, Directed | None], None] | None = None,
        deadlines: Deadlines | None = None,
        records: ReadRecords | None = None,
    ) -> None:
        self._policy = GuardedPolicy(policy, name, timeout, deadlines)
        self._denied = denied
        self._audit = audit
        self._denials = DenialLog()
        self.told = Told(self.decide, records)
        self._open: dict[str, frozenset[Method]] = {}
        self._arrivals = Arrivals()
        self._kept = KeptAnswers(room, self._arrivals.covered)
        self._flights: SingleFlight[Key, _Question, _Answer] = SingleFlight(self._find, self._keep)
        self._recent: deque[Point] = deque(maxlen=_RECENT)
        self._changes = 0

    def __len__(self) -> int:
        """How many answers of the policy are kept."""
        return len(self._kept)

    # -- waves --------------------------------------------------------------------------------------------

    async def authorise(self, particle: Target, wave: Directed) -> None:
        """Returns when the wave may go on to the particle.

        Raises:
            Forbidden, Unauthorized: the policy refuses.
            Unavailable: the policy fails, or the registry cannot be reached.
        """
        if wave.method.kind is MethodKind.HYP:
            self._check_star(particle, wave)
        elif wave.method is CHANGED and wave.agent == particle.record.point:
            return  # news of what it watches, in its own name
        elif not isinstance(particle.allowed, AllowAll) and not self.is_open(particle.record.point, wave.method):
            need = wave.method.need
            key = await self._pass(particle, wave, _NEEDS.get(need) or Need(need))
            if wave.scope is None and not particle.gone:  # it may have left while the policy was asked
                self._kept.show(particle, key)

    def turn_away(self, particle: Target, wave: Directed) -> None:
        """Raises what :meth:`kept_refusal` returns, and says nothing where that is None."""
        error = self.kept_refusal(particle, wave)
        if error is not None:
            raise error

    def kept_refusal(self, particle: Target, wave: Directed) -> HyperverseError | None:
        """The refusal of a wave, where one is kept: a wave that is refused again and again should not cost more than
        one that is allowed. It needs no coroutine, and no request. The refusal is logged and told."""
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
        if type(wave) is Ripple:  # of which there may be thousands: they carry no reasons
            error = decision.error()
        else:
            error = refusal_of(wave.agent, record, method.text, _NEEDS.get(method.need) or Need(method.need), decision)
        self._tell(wave.agent, record.point, method.text, error, wave)
        return self.told.missing(record.point) if hidden else error

    def open_to_all(self, particle: Target) -> None:
        """Lets every wave on to the particle that is not between stars, because what is asked for there asks the gate
        itself. It stays so as long as the particle is here."""
        particle.allowed = AllowAll()

    def open_methods(self, particle: Target, methods: Collection[Method]) -> None:
        """Lets waves with these methods on to the particle, because their handlers ask the gate about another one."""
        self._open[particle.record.point.text] = frozenset(methods)

    def is_open(self, point: Point, method: Method) -> bool:
        """Whether waves with that method need nothing at ``point``."""
        return method in self._open.get(point.text, ())

    async def demand(self, particle: Target, wave: Directed, privilege: str) -> None:
        """Returns when the agent of the wave has ``privilege`` on the particle. Raises as :meth:`authorise` does."""
        await self._pass(particle, wave, Need("", privilege))

    async def _pass(self, particle: Target, wave: Directed, need: Need) -> Key:
        """Returns the key of the answer when the wave may go on."""
        record, action = particle.record, wave.method.text
        key = _key(wave.agent, record, need, wave.scope)
        covered = particle in self._arrivals.covered
        kept = self._kept.find(key, action)
        if kept is not None and kept.allowed and not covered:
            return key
        request = Request(wave.agent, action, need, record, wave.scope, wave.chain, wave.topic, wave.path)
        found = kept or self._begin(key, request)
        if isinstance(found, _Question) or (found.allowed and covered):
            decision = await self._wait(particle, wave, key, request, found)
        else:
            decision = found
        if not decision.allowed:
            error = decision.error() if type(wave) is Ripple else refusal(request, decision)
            raise await self._heard(request, error, wave)
        return key

    async def _wait(
        self, particle: Target, wave: Directed, key: Key, request: Request, found: Decision | _Question
    ) -> Decision:
        """The decision, when it is there and the earlier waves of the same sender have gone in. Until then no wave may
        pass by the hot path. Raises Unavailable."""
        arrival = self._arrivals.join(particle, wave)
        try:
            seen = self._changes
            decision = await self._finish(key, found) if isinstance(found, _Question) else found
            if decision.allowed and arrival.line[0] is not arrival:
                await arrival.turn()
                if seen != self._changes:
                    decision = await self.decide(request)
            return decision
        finally:
            self._arrivals.leave(arrival)

    def _check_star(self, particle: Target, wave: Directed) -> None:
        """``Hyp`` waves are between stars: clients and particles never act as one."""
        star = wave.agent.star_key
        if star is None or wave.agent != Point.of_star(star):
            request = Request(wave.agent, wave.method.text, Need(), particle.record)
            raise self.refused(request, Forbidden(f"{wave.method} is between stars"), wave)

    # -- commands -----------------------------------------------------------------------------------------

    async def check(self, request: Request, wave: Directed | None = None) -> None:
        """Returns when the policy allows it; a refusal is logged and told. Raises as :meth:`authorise` does.

        Args:
            wave: the wave that asks for it, for the logs.
        """
        decision = await self.decide(request)
        if not decision.allowed:
            raise await self._heard(request, refusal(request, decision), wave)

    async def permit(self, caller: Caller, permission: str, target: ParticleRecord, action: str) -> None:
        """Returns when ``caller`` has ``permission`` (a letter) on ``target``. Raises as :meth:`authorise` does.

        Args:
            action: what it is for: ``create``, ``delete``, ``select``, ``get``, ``set``, ``watch``.
        """
        agent, scope, need = caller.agent, caller.scope, _NEEDS.get(permission) or Need(permission)
        kept = self._kept.find(_key(agent, target, need, scope), action)
        if kept is None or not kept.allowed:
            await self.check(Request(agent, action, need, target, scope, caller.chain, caller.session), caller.wave)

    async def check_all(self, requests: Sequence[Request], wave: Directed | None = None) -> None:
        """Returns when the policy allows all of them; the first refusal is logged and told. Raises as
        :meth:`authorise` does."""
        for request, decision in zip(requests, await self.decide_many(requests), strict=True):
            if not decision.allowed:
                raise await self._heard(request, refusal(request, decision), wave)

    async def _heard(self, request: Request, error: HyperverseError, wave: Directed | None) -> HyperverseError:
        """Logs and tells of a refusal. Returns the error that the agent may hear."""
        self.refused(request, error, wave)
        return await self.told.heard(request, error)

    def refused(self, request: Request, error: HyperverseError, wave: Directed | None = None) -> HyperverseError:
        """Logs and tells that a request is refused. Returns the error, to be raised. Observers are told of each; the
        log has the first ones of an agent in each second, and the audit log the first of each sort."""
        self._tell(request.agent, request.record.point, request.action, error, wave)
        return error

    def _tell(self, agent: Point, target: Point, action: str, error: HyperverseError, wave: Directed | None) -> None:
        self._denials.write(agent, action, target, error, "" if wave is None else wave.id)
        if self._audit is not None:
            self._audit(agent, target, action, error, wave)
        self._denied(agent, target, action, error)

    async def decide(self, request: Request) -> Decision:
        """The policy's decision, perhaps one that is kept. Nobody is told of a refusal. Raises Unavailable."""
        key = _key_of(request)
        kept = self._kept.find(key, request.action)
        return kept if kept is not None else await self._ask(key, request)

    async def decide_many(self, requests: Sequence[Request]) -> list[Decision]:
        """The decisions on many requests; the policy is asked once for those that are not kept. Raises
        Unavailable."""
        found: dict[int, Decision] = {}
        for number, request in enumerate(requests):
            kept = self._kept.find(_key_of(request), request.action)
            if kept is not None:
                found[number] = kept
        missing = [number for number in range(len(requests)) if number not in found]
        if len(missing) == 1:
            found[missing[0]] = await self.decide(requests[missing[0]])
        elif missing:
            began = self._changes
            asked = [requests[number] for number in missing]
            for number, request, decision in zip(missing, asked, await self._policy.decide_many(asked), strict=True):
                found[number] = decision
                self._keep(_key_of(request), _Answer(decision, request, began))
        return [found[number] for number in range(len(requests))]

    async def explain(self, request: Request) -> Explanation:
        """The policy's decision with its reasons; nothing of it is kept. Raises Unavailable."""
        return await self._policy.explain(request)

    async def administer(self, act: Callable[[Administration], Awaitable[T]]) -> T:
        """What ``act`` makes of the policy's administration. Raises NoDriver when it has none, what the policy raises,
        and Unavailable when it fails."""
        return await self._policy.administer(act)

    # -- who somebody is ----------------------------------------------------------------------------------

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent that a client is. Raises Unauthorized, and Unavailable when the policy fails."""
        return await self._policy.identify(credentials)

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Returns when the machine is the one that it says. Raises Unauthorized, and Unavailable when the policy
        fails."""
        await self._policy.authenticate_machine(name, credentials)

    # -- changes ------------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Drops the answers that rest on what has changed. The cached records have to be dropped before."""
        if change.kind not in self._policy.change_kinds:
            return
        if self._policy.changed(change):
            self.drop(change.point)
        else:
            self.lost()

    def drop(self, point: Point) -> None:
        """Drops the answers that rest on ``point``."""
        self._changes += 1
        self.told.forget()
        self._recent.append(point)
        self._kept.drop(point)

    def renewed(self, particle: Target, before: ParticleRecord) -> None:
        """The record of a particle was read again: another owner changes who may reach it."""
        if particle.record.owner != before.owner:
            self.drop(particle.record.point)

    def lost(self) -> None:
        """Changes were missed: drops every answer, and everything that the policy has read."""
        self._policy.forget()
        self.told.forget()
        self._changes += _RECENT + 1  # more than are remembered: whatever is under way counts as touched
        self._kept.clear()

    def left(self, particle: Target, why: object = None) -> None:
        """The particle is not here any more. Its answers stay, for when it comes back."""
        self._kept.left(particle)

    async def close(self) -> None:
        """Ends the questions that are under way."""
        await self._flights.close()

    # -- inside -------------------------------------------------------------------------------------------

    async def _ask(self, key: Key, request: Request) -> Decision:
        """The decision of the policy, in turn with those who ask the same. Raises Unavailable."""
        found = self._begin(key, request)
        return await self._finish(key, found) if isinstance(found, _Question) else found

    def _begin(self, key: Key, request: Request) -> Decision | _Question:
        """The decision, if the policy makes it at once, or what to wait for. Raises Unavailable."""
        changes = self._changes
        if key in self._flights:
            return _Question(request, changes)
        try:
            found = self._policy.begin(request)
        except HyperverseError as exc:
            return _rescued(request, exc)
        if isinstance(found, Begun):
            return _Question(request, changes, found)
        if found.holds_for is HoldsFor.NEED and changes == self._changes:
            self._kept.keep(key, found)  # as `_keep` does: nearly all answers are found so
        else:
            self._keep(key, _Answer(found, request, changes))
        return found

    async def _finish(self, key: Key, question: _Question) -> Decision:
        """The decision that has to be waited for, in turn with those who ask the same. Raises Unavailable."""
        request = question.request
        answer = await self._flights.get(key, question)
        if answer.request is not request and not self._fits(answer, request, question.changes):
            answer = await self._find(_Question(request, self._changes))
            self._keep(key, answer)
        return answer.decision

    async def _find(self, question: _Question) -> _Answer:
        request, begun, began = question.request, question.begun, self._changes
        try:
            if begun is None:
                decision = await self._policy.decide(request)
            else:
                began, question.begun = question.changes, None
                decision = await self._policy.finish(begun)
        except HyperverseError as exc:
            decision = _rescued(request, exc)
        return _Answer(decision, request, began)

    def _keep(self, key: Key, answer: _Answer) -> None:
        decision = answer.decision
        holds_for = decision.holds_for
        if holds_for is HoldsFor.REQUEST or (answer.began != self._changes and self._touched(answer)):
            return
        self._kept.keep(key if holds_for is HoldsFor.NEED else for_action(key, answer.request.action), decision)

    def _fits(self, answer: _Answer, request: Request, asked: int) -> bool:
        """Whether an answer that was found for another holds for this request too, made after ``asked`` changes."""
        holds_for = answer.decision.holds_for
        if holds_for is HoldsFor.REQUEST or (holds_for is HoldsFor.ACTION and answer.request.action != request.action):
            return False
        return answer.began == asked or not self._touched(answer)

    def _touched(self, answer: _Answer) -> bool:
        """Whether something has changed, since the policy was asked, that the answer rests on."""
        since, rests_on = self._changes - answer.began, answer.decision.rests_on
        if since > _RECENT or rests_on is ANYTHING:
            return True
        return any(point in rests_on for point in islice(reversed(self._recent), since))


def _key(agent: Point, target: ParticleRecord, need: Need, scope: Scope | None) -> Key:
    return agent.text, target.point.text, target.owner.text, need.permission + need.power, need.privilege, scope, ""


def _key_of(request: Request) -> Key:
    return _key(request.agent, request.record, request.need, request.scope)


def _rescued(request: Request, error: HyperverseError) -> Decision:
    """The decision when the policy fails. Raises ``error`` unless the hyperuser wants to stop a machine: the particles
    of the platform are on no route of the Hyperverse."""
    stops = request.action in _ALWAYS and not request.record.point.route.is_local
    if isinstance(error, PolicyError) or request.agent != HYPERUSER or not stops:
        raise error
    _log.warning("the hyperuser may stop this machine although its policy fails: %s", error.message)
    return Decision.allow("the policy fails", holds_for=HoldsFor.REQUEST)
