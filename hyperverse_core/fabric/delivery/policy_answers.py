"""PolicyAnswers: asks the policy of a machine, and caches its answers.

An answer, yes or no, is kept until something on which it depends changes. Callers that ask the same question at the
same time wait for one answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
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
    Request,
    SecurityPolicy,
)
from ...contracts.registry import Change, ParticleRecord
from ...errors import HyperverseError, PolicyError
from ...scheduling.begun import Begun
from ...scheduling.deadlines import Deadlines
from ...scheduling.guarded_log import guarded_log
from ...scheduling.single_flight import SingleFlight
from ...universe.address.point import HYPERUSER, Point
from .arrivals import Entrance
from .guarded_policy import GuardedPolicy
from .kept_answers import Holder, KeptAnswers, Key, for_action, key_of
from .told import ReadRecords, Told

__all__ = ["PolicyAnswers", "Question", "Target"]

T = TypeVar("T")
_log = guarded_log("hyperverse.security")
_ROOM = 500_000
"""Room for at most about 70 MB: 100,000 answers about owners, 33,000 about grants."""
_RECENT = 4096
"""Number of changes that are remembered, to determine whether one has affected an answer while the policy was asked."""
_ALWAYS = frozenset({"Ext<Stop>", "stop"})
"""The acts that the hyperuser may perform on a machine whose policy fails."""


class Target(Holder, Protocol):
    """The part of a particle that the gate and the policy's answers use. No other part writes ``allowed``.

    Attributes:
        record: its record in the registry.
        gone: whether it no longer lives here.
    """

    record: ParticleRecord

    @property
    def gone(self) -> bool: ...


@attrs.define(eq=False)
class Question:
    """A request that waits for its answer.

    Attributes:
        request: the request.
        changes: the number of changes that the gate knew when the request was made.
        begun: the answer, if the policy has begun it; None to ask again.
    """

    request: Request
    changes: int
    begun: Begun[Decision] | None = None


@attrs.define(eq=False)
class _Answer:
    """A decision, its request, and the number of changes that the gate knew before."""

    decision: Decision
    request: Request
    began: int


class PolicyAnswers:
    """The answers of a machine's policy.

    Args:
        policy: the policy; it is open.
        name: the name of the policy in the config; for errors and the log.
        timeout: seconds that an answer may take.
        room: the size of the cache; see :class:`KeptAnswers`.
        deadlines: the deadlines of the event loop; None for its own.
        records: reads records, to determine of which particles agents may know; None to hide nothing.

    Attributes:
        kept: the answers. Code that finds an answer there need not call this object.
        told: decides of which particles agents may know.
        changes: number of changes that it has received.
        covered: the letters of particles where waves are waiting, see :class:`Arrivals`. Written by the gate.
    """

    def __init__(
        self,
        policy: SecurityPolicy,
        name: str,
        *,
        timeout: float,
        room: int = _ROOM,
        deadlines: Deadlines | None = None,
        records: ReadRecords | None = None,
    ) -> None:
        self._policy = GuardedPolicy(policy, name, timeout, deadlines)
        self.told = Told(self.decide, records)
        self.covered: dict[Entrance, dict[str, str]] = {}
        self.kept = KeptAnswers(room, self.covered)
        self._flights: SingleFlight[Key, Question, _Answer] = SingleFlight(self._find, self._keep)
        self._recent: deque[Point] = deque(maxlen=_RECENT)
        self.changes = 0

    def __len__(self) -> int:
        """Returns the number of cached answers."""
        return len(self.kept)

    # -- decisions ----------------------------------------------------------------------------------------

    async def decide(self, request: Request) -> Decision:
        """Returns the policy's decision, perhaps a cached one. A refusal is not reported. Raises Unavailable."""
        key = key_of(request)
        kept = self.kept.find(key, request.action)
        return kept if kept is not None else await self._ask(key, request)

    async def decide_many(self, requests: Sequence[Request]) -> list[Decision]:
        """Returns the decisions on many requests; the policy is asked once for all that are not cached. Raises
        Unavailable."""
        found: dict[int, Decision] = {}
        for number, request in enumerate(requests):
            kept = self.kept.find(key_of(request), request.action)
            if kept is not None:
                found[number] = kept
        missing = [number for number in range(len(requests)) if number not in found]
        if len(missing) == 1:
            found[missing[0]] = await self.decide(requests[missing[0]])
        elif missing:
            began = self.changes
            asked = [requests[number] for number in missing]
            for number, request, decision in zip(missing, asked, await self._policy.decide_many(asked), strict=True):
                found[number] = decision
                self._keep(key_of(request), _Answer(decision, request, began))
        return [found[number] for number in range(len(requests))]

    def begin(self, key: Key, request: Request) -> Decision | Question:
        """Returns the decision if the policy makes it immediately, or else the question to wait for. Raises
        Unavailable."""
        changes = self.changes
        if key in self._flights:
            return Question(request, changes)
        try:
            found = self._policy.begin(request)
        except HyperverseError as exc:
            return _rescued(request, exc)
        if isinstance(found, Begun):
            return Question(request, changes, found)
        if found.holds_for is HoldsFor.NEED and changes == self.changes:
            self.kept.keep(key, found)  # does the same as `_keep`: nearly all answers are found here
        else:
            self._keep(key, _Answer(found, request, changes))
        return found

    async def finish(self, key: Key, question: Question) -> Decision:
        """Returns a decision that needs waiting, after earlier callers with the same question. Raises Unavailable."""
        request = question.request
        answer = await self._flights.get(key, question)
        if answer.request is not request and not self._fits(answer, request, question.changes):
            answer = await self._find(Question(request, self.changes))
            self._keep(key, answer)
        return answer.decision

    async def explain(self, request: Request) -> Explanation:
        """Returns the policy's decision with its reasons, without caching it. Raises Unavailable."""
        return await self._policy.explain(request)

    async def administer(self, act: Callable[[Administration], Awaitable[T]]) -> T:
        """Returns the result of ``act`` on the policy's administration. Raises NoDriver if it has none, the errors of
        the policy, and Unavailable if it fails."""
        return await self._policy.administer(act)

    # -- identities ---------------------------------------------------------------------------------------

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent of a client. Raises Unauthorized, and Unavailable if the policy fails."""
        return await self._policy.identify(credentials)

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Returns if the machine is the one that it claims to be. Raises Unauthorized, and Unavailable if the policy
        fails."""
        await self._policy.authenticate_machine(name, credentials)

    # -- changes ------------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Drops the answers that depend on the change. The cached records must be dropped before."""
        if change.kind not in self._policy.change_kinds:
            return
        if self._policy.changed(change):
            self.drop(change.point)
        else:
            self.lost()

    def drop(self, point: Point) -> None:
        """Drops the answers that depend on ``point``."""
        self.changes += 1
        self.told.forget()
        self._recent.append(point)
        self.kept.drop(point)

    def renewed(self, particle: Target, before: ParticleRecord) -> None:
        """Uses the new record of a particle, because a new owner changes who may reach the particle."""
        if particle.record.owner != before.owner:
            self.drop(particle.record.point)

    def lost(self) -> None:
        """Drops every answer, and everything that the policy has read, because changes were missed."""
        self._policy.forget()
        self.told.forget()
        self.changes += _RECENT + 1  # more than are remembered, so every request in progress counts as affected
        self.kept.clear()

    def left(self, particle: Target, why: object = None) -> None:
        """Called when a particle has left. Its answers are kept for its return."""
        self.kept.left(particle)

    async def close(self) -> None:
        """Cancels the requests in progress."""
        await self._flights.close()

    # -- inside -------------------------------------------------------------------------------------------

    async def _ask(self, key: Key, request: Request) -> Decision:
        """Returns the policy's decision, after earlier callers with the same question. Raises Unavailable."""
        found = self.begin(key, request)
        return await self.finish(key, found) if isinstance(found, Question) else found

    async def _find(self, question: Question) -> _Answer:
        request, begun, began = question.request, question.begun, self.changes
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
        if holds_for is HoldsFor.REQUEST or (answer.began != self.changes and self._touched(answer)):
            return
        self.kept.keep(key if holds_for is HoldsFor.NEED else for_action(key, answer.request.action), decision)

    def _fits(self, answer: _Answer, request: Request, asked: int) -> bool:
        """Whether an answer to another request also applies to this request, which was made after ``asked`` changes."""
        holds_for = answer.decision.holds_for
        if holds_for is HoldsFor.REQUEST or (holds_for is HoldsFor.ACTION and answer.request.action != request.action):
            return False
        return answer.began == asked or not self._touched(answer)

    def _touched(self, answer: _Answer) -> bool:
        """Whether something on which the answer depends has changed since the policy was asked."""
        since, rests_on = self.changes - answer.began, answer.decision.rests_on
        if since > _RECENT or rests_on is ANYTHING:
            return True
        return any(point in rests_on for point in islice(reversed(self._recent), since))


def _rescued(request: Request, error: HyperverseError) -> Decision:
    """Returns the decision if the policy fails. Raises ``error`` unless the hyperuser wants to stop a machine. The
    particles of the platform are on no route of the Hyperverse."""
    stops = request.action in _ALWAYS and not request.record.point.route.is_local
    if isinstance(error, PolicyError) or request.agent != HYPERUSER or not stops:
        raise error
    _log.warning("the hyperuser may stop this machine although its policy fails: %s", error.message)
    return Decision.allow("the policy fails", holds_for=HoldsFor.REQUEST)
