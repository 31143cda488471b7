"""Guards a policy: if it hangs, raises or returns an invalid answer, the caller gets 503 and the log names the
policy."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import CoroutineType
from typing import TypeVar

from ...contracts.administration import Administration
from ...contracts.policy import (
    ANYTHING,
    Credentials,
    Decision,
    Explanation,
    HoldsFor,
    Identified,
    Reason,
    Request,
    SecurityPolicy,
)
from ...contracts.registry import Change
from ...errors import HyperverseError, NoDriver, NotHostedHere, Unavailable
from ...scheduling.begun import Begun, begin
from ...scheduling.cancellation import ends_task
from ...scheduling.deadlines import Deadlines
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from ...universe.address.point import Point
from ..particles.own_context import Variables, in_own_context

__all__ = ["GuardedPolicy"]

A = TypeVar("A")
T = TypeVar("T")
_log = guarded_log("hyperverse.security")
_REFUSALS = (401, 403)
_RETRY_AFTER = 1.0
_QUIET = 1.0
"""Seconds after a failure during which further failures are counted but not logged, because a broken policy fails for
each wave."""


class GuardedPolicy:
    """Asks a policy, and limits the damage that a broken policy can do.

    Args:
        policy: the policy.
        name: the name of the policy in the config; for errors and the log.
        timeout: seconds that an answer may take.
        deadlines: the deadlines of the event loop; None for its own.
    """

    def __init__(self, policy: SecurityPolicy, name: str, timeout: float, deadlines: Deadlines | None = None) -> None:
        self.name = name
        self.change_kinds = frozenset(policy.change_kinds)
        self._policy = policy
        self._decides_in_coroutine = inspect.iscoroutinefunction(policy.decide)
        self._sound: object = self  # no decision yet
        self._timeout = timeout
        self._deadlines = deadlines
        self._quiet_until = 0.0
        self._unwritten = 0

    async def decide(self, request: Request) -> Decision:
        """Returns the policy's decision. Raises Unavailable if it fails, and the errors that it raises deliberately."""
        return self._checked(await self._within(self._policy.decide, request))

    def begin(self, request: Request) -> Decision | Begun[Decision]:
        """Returns the decision if the policy makes it without waiting, or the rest of the call, for :meth:`finish`.
        Most decisions need no waiting, and therefore no deadline. Raises like :meth:`decide`."""
        context = Variables()
        try:
            if self._decides_in_coroutine:  # the call runs nothing yet
                asking = self._policy.decide(request)
            else:
                asking = context.run(self._policy.decide, request)
            found = begin(asking if type(asking) is CoroutineType else _awaited(asking), context)
        except BaseException as exc:
            told = self._told(exc)
            if told is exc:
                raise
            raise told from exc
        return found if isinstance(found, Begun) else self._checked(found)

    async def finish(self, begun: Begun[Decision]) -> Decision:
        """Returns the decision of a call that was begun, within the time limit. Raises like :meth:`decide`."""
        return self._checked(await self._within(_awaited, begun))

    async def decide_many(self, requests: Sequence[Request]) -> list[Decision]:
        """Returns the policy's decisions on all of them. Raises like :meth:`decide`."""
        decisions = await self._within(self._policy.decide_many, requests)
        if not isinstance(decisions, Sequence) or len(decisions) != len(requests):
            raise self._failure(f"did not return a list of {len(requests)} decisions")
        return [self._checked(decision) for decision in decisions]

    async def explain(self, request: Request) -> Explanation:
        """Returns the policy's decision, with its reasons. Raises like :meth:`decide`."""
        explanation = await self._within(self._policy.explain, request)
        if not isinstance(explanation, Explanation):
            raise self._failure(f"did not return an explanation, but {_kind_of(explanation)}")
        return explanation

    async def administer(self, act: Callable[[Administration], Awaitable[T]]) -> T:
        """Returns the result of ``act`` on the policy's administration. Raises NoDriver if the policy has none, and
        like :meth:`decide`."""
        administration = self._policy.administration
        if administration is None:
            raise NoDriver(
                f"the policy {self.name!r} cannot be administered with commands",
                hint="see its documentation for how to change its rules",
            )
        return await self._within(act, administration)

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent of a client. Raises Unauthorized, and Unavailable if the policy fails."""
        found = await self._within(self._policy.identify, credentials)
        if not isinstance(found, Identified) or not isinstance(found.agent, Point):
            raise self._failure(f"did not return an agent, but {_kind_of(getattr(found, 'agent', found))}")
        return found

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Returns if the machine is the one that it claims to be. Raises Unauthorized, and Unavailable if the policy
        fails."""
        await self._within(partial(self._policy.authenticate_machine, name), credentials)

    def changed(self, change: Change) -> bool:
        """Reports a change to the policy. Returns False if that fails, so that none of its answers can be trusted."""
        try:
            Variables().run(self._policy.changed, change)
        except BaseException as exc:
            self._failure("could not handle a change", presentable(exc))
            return False
        return True

    def forget(self) -> None:
        """Makes the policy drop everything that it has read."""
        try:
            Variables().run(self._policy.forget)
        except BaseException as exc:
            self._failure("could not forget what it has read", presentable(exc))

    # -- inside -------------------------------------------------------------------------------------------

    async def _within(self, ask: Callable[[A], Awaitable[T]], about: A) -> T:
        """Returns the result of ``ask(about)``, within the time limit and in its own context: a context variable that a
        policy sets, such as the precision of decimals, would otherwise stay set for the sender of the wave.

        It is awaited in the task of the caller, under a deadline that shares its timer with others: a separate task
        would cost 36 microseconds for a decision that needs no look-up, ``asyncio.timeout`` 8, and this costs 1.
        """
        deadlines = self._deadlines
        if deadlines is None:
            deadlines = self._deadlines = Deadlines(asyncio.get_running_loop())
        try:
            with deadlines.by(deadlines.loop.time() + self._timeout):
                context = Variables()
                return await in_own_context(context.run(ask, about), context)
        except BaseException as exc:
            told = self._told(exc)
            if told is exc:
                raise
            raise told from exc
        raise self._failure(f"gave no answer within {self._timeout:g} s")  # reached when the deadline has passed

    def _told(self, error: BaseException) -> BaseException:
        """Returns errors of the platform unchanged, and a failure of the policy for any other exception."""
        if ends_task(error):
            return error
        shown = presentable(error)
        on_purpose = isinstance(shown, HyperverseError)
        if isinstance(shown, NotHostedHere):  # this error would make the sender look for the particle elsewhere
            on_purpose = False
        return error if on_purpose else self._failure("gave no answer", shown)

    def _checked(self, decision: Decision) -> Decision:
        """Returns the decision if the gate can rely on it. Raises Unavailable otherwise."""
        if decision is self._sound:  # a decision never changes, and a policy may give the same one for many requests
            return decision
        if type(decision) is not Decision:
            raise self._failure(f"did not return a decision, but {_kind_of(decision)}")
        rests_on = decision.rests_on
        on_points = type(rests_on) is frozenset and (
            not rests_on or all(isinstance(point, Point) for point in rests_on)
        )
        if (
            type(decision.allowed) is bool
            and isinstance(decision.why, str)
            and isinstance(decision.hint, str)
            and isinstance(decision.rule, str)
            and isinstance(decision.access, str)
            and (not decision.reasons or _are_reasons(decision.reasons))
            and isinstance(decision.holds_for, HoldsFor)
            and (decision.allowed or decision.status in _REFUSALS)
            and (on_points or rests_on is ANYTHING)
        ):
            self._sound = decision
            return decision
        raise self._failure(f"returned an invalid decision: {decision!r:.200}")

    def _failure(self, what: str, exc: BaseException | None = None) -> Unavailable:
        """Returns the error for the caller. Logs the details, but not too often."""
        cause = "" if exc is None else f": {type(exc).__name__}"
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            self._unwritten += 1
        else:
            more = f" ({self._unwritten} more failures since the last line)" if self._unwritten else ""
            _log.error("the policy %r %s%s%s", self.name, what, cause, more, exc_info=exc)
            self._quiet_until, self._unwritten = now + _QUIET, 0
        return Unavailable(
            f"the policy {self.name!r} {what}{cause}",
            hint="the log of the machine has details; ask its administrator",
            retry_after=_RETRY_AFTER,
        )


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _are_reasons(reasons: object) -> bool:
    return isinstance(reasons, tuple) and all(isinstance(reason, Reason) for reason in reasons)


def _kind_of(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
