"""A session: an agent connected through a gateway, as a sender."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, ValuesView
from time import perf_counter
from typing import Any, TypeVar

from ....contracts.driver.origin_sender import OriginSender
from ....contracts.gateway import HandOn, Session, SessionLimits
from ....contracts.policy import Credentials, Identified
from ....errors import Forbidden, HyperverseError, LoopDetected, TooLarge, TooMany, Unavailable
from ....protocol.body_weight import LEAST, weight_of
from ....protocol.client_budget import MOST_POINTS
from ....protocol.frame_bytes import body_size
from ....universe.address.point import Point, RouteKind
from ....universe.waves.origin import Origin, WaveOptions, timed_out
from ....universe.waves.own_copy import IMMUTABLE, own_copy
from ....universe.waves.wave import BOUNCE, Body, Directed, Echo, Method, Outcome, Ping, Pong, Ripple, Signal, Stars
from ...delivery.collected import RippleProgress
from ...delivery.outbound import Outbound
from ...particles.active import Active
from .shares import Share

__all__ = ["LocalSession"]

W = TypeVar("W", bound=Directed)
_ROUNDS = 2
"""A Signal from another machine is accepted in the first round, and its handler starts in the second."""


class LocalSession(OriginSender, Session):
    """A session on this machine. Its waves start at the star that represents the machine.

    Args:
        identity: its agent, with the limits that the credentials set.
        active: the particle at its point.
        credentials: the credentials that the client has presented, which are checked again later.
        outbound: sends its waves.
        limits: the limits of the session.
        share: the use of resources by all sessions of the agent.
        closed: called with the session and the reason when it ends.

    Attributes:
        ended: called with the reason when the machine ends the session; None until the gateway has the session.
    """

    def __init__(
        self,
        identity: Identified,
        active: Active,
        credentials: Credentials,
        outbound: Outbound,
        limits: SessionLimits,
        share: Share,
        closed: Callable[[LocalSession, str], None],
    ) -> None:
        agent, scope = identity.agent, identity.scope
        self.identity = identity
        self.agent = agent
        self.point = active.point
        self.star = outbound.star.text
        self.origin = Origin(active.point, agent, self.star, outbound.ids, outbound.star.now, scope=scope)
        self._refused = Origin(  # makes the refused waves, for the interceptors
            active.point, agent, self.star, outbound.ids, outbound.star.now, scope=scope, between_stars=True
        )
        self.limits = limits
        self.share = share
        self.take, self.give = share.take, share.give  # type: ignore[method-assign]  # a call less for each wave
        self.over = False
        self.credentials = credentials
        self.active = active
        self._outbound = outbound
        self._closed = closed
        self.ended: Callable[[str], None] | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self._under_way: set[Any] = set()

    # -- as every sender ----------------------------------------------------------------------------------

    def _make(self, kind: type[W], to: Point | str, method: Method | str, body: Body, options: WaveOptions) -> W:
        if type(body) not in IMMUTABLE and kind is not Ripple:  # each recipient of a Ripple gets its own copy
            body = own_copy(body)
        return self.origin.wave(kind, to, method, body, options)

    def _forbidden(
        self,
        kind: type[Directed],
        to: Point | str,
        method: Method | str,
        body: Body,
        options: WaveOptions,
        error: Forbidden | LoopDetected,
    ) -> Pong:
        return self.refusal(self._refused.wave(kind, to, method, body, options), error)

    async def _ask(self, wave: Ping) -> Pong:
        size = body_size(wave.body)
        try:
            weight = self._admit(wave, size)
        except HyperverseError as exc:
            return self.refusal(wave, exc)
        try:
            return await self.ask(wave)
        finally:
            self.give(weight)

    async def _notify(self, wave: Signal) -> Pong:
        size = body_size(wave.body)
        try:
            weight = self._admit(wave, size)
        except HyperverseError as exc:
            return self.refusal(wave, exc)
        try:
            return await self.notify(wave, wave.handling.wait)
        finally:
            self.give(weight)

    async def _spread(self, wave: Ripple) -> list[Echo]:
        size = body_size(wave.body)
        try:
            weight = self._admit(wave, size)
        except HyperverseError as exc:
            self.refusal(wave, exc)
            raise
        try:
            return await self.spread(wave)
        finally:
            self.give(weight)

    def _admit(self, wave: Directed, size: int) -> int:
        """Counts a wave whose body has ``size`` bytes, and returns its weight. Raises Unavailable, TooMany,
        TooLarge, Forbidden."""
        if self.over:
            raise self._has_ended()
        if len(self._under_way) >= self.limits.waves:
            raise TooMany(f"{self.limits.waves} waves of {self.point.text!r} are in progress", retry_after=0.1)
        if size > self.limits.body:
            raise TooLarge(f"the body has {size} bytes; {self.limits.body} are allowed", hint="send it in parts")
        self.check(wave)
        weight = LEAST + weight_of(wave.body)
        self.take(weight)
        return weight

    def _has_ended(self) -> Unavailable:
        return Unavailable(f"the session {self.point.text!r} has ended")

    # -- for gateways that decode waves themselves --------------------------------------------------------

    def check(self, wave: Directed) -> None:
        if type(wave) is not Ripple:
            self._check_target(wave.to, wave.method)
        elif isinstance(wave.recipients, tuple):
            if len(wave.recipients) > MOST_POINTS:
                raise TooLarge(
                    f"the Ripple names {len(wave.recipients)} points; {MOST_POINTS} are allowed",
                    hint="write a selector, or send several",
                )
            for point in wave.recipients:
                self._check_target(point, wave.method)
        elif isinstance(wave.recipients, Stars) and wave.method is not BOUNCE:
            raise Forbidden(f"a client may not send {wave.method} to stars", hint="Cmd<Bounce> is free")

    def _check_target(self, to: Point, method: Method) -> None:
        """Raises Forbidden for a wave to a star, unless it is a Bounce; see docs/reference/waves.md."""
        if to.route.kind is RouteKind.STAR and method is not BOUNCE and to != self.point:
            raise Forbidden(f"a client may not send {method} to {to.text!r}", hint="Cmd<Bounce> is free")

    async def ask(self, wave: Ping, *, outlives: bool = False) -> Pong:
        begun = perf_counter()
        deadline = self._outbound.deadlines.by(wave.deadline)
        if not outlives:
            self._under_way.add(deadline)  # so that the end of the session also cancels it
        try:
            with deadline:
                reply = await self._outbound.ask(wave)
                if self.active.posted:
                    await self._behind_signals(wave)
                return reply
        finally:
            self._under_way.discard(deadline)
        if not self.over or self._outbound.is_late(wave.deadline):  # reached if it was cancelled
            return timed_out(wave, wave.handling.wait)
        return self._ended_under(wave, begun)

    async def authorise_again(self, wave: Ping) -> None:
        await self.active.home.gate.authorise_again(wave)

    async def _behind_signals(self, wave: Ping) -> None:
        """Returns once the Signals that the handler sent to this agent before its answer are sent."""
        for _ in range(_ROUNDS):
            if self.active.posted:
                await self.active.posted.turn(wave.handling.priority)

    async def notify(self, wave: Signal, wait: float) -> Pong:
        begun, until = perf_counter(), self._outbound.star.loop.time() + wait
        deadline = self._outbound.deadlines.by(until)
        self._under_way.add(deadline)
        try:
            with deadline:
                return await self._outbound.notify(wave, until)
        finally:
            self._under_way.discard(deadline)
        if not self.over or self._outbound.is_late(until):
            return timed_out(wave, wait)
        return self._ended_under(wave, begun)

    async def spread(self, wave: Ripple, hand_on: HandOn | None = None) -> list[Echo]:
        begun, gathered = perf_counter(), RippleProgress()
        deadline = self._outbound.deadlines.by(math.inf)  # a Ripple ends by itself, with the echoes that it has by then
        self._under_way.add(deadline)
        try:
            with deadline:
                return await self._outbound.spread(wave, gathered, hand_on)
        finally:
            self._under_way.discard(deadline)
        waiting = wave.recipients if gathered.waiting is None else gathered.waiting.values()
        lost = self._ended_under(wave, begun)
        if isinstance(waiting, tuple | ValuesView):
            unknown = [Echo(503, lost.body, point, Outcome.UNKNOWN, wave.id) for point in waiting]
            return [*gathered.echoes, *unknown]
        raise self._has_ended()  # the recipients are not known yet

    def _ended_under(self, wave: Directed, begun: float) -> Pong:
        """Returns the answer to a wave that was in progress when the session ended. ``begun`` is a time of
        ``perf_counter``."""
        reply = Pong(503, {"error": self._has_ended().message}, wave.to, Outcome.UNKNOWN, wave.id)
        self._outbound.ended_above(wave, reply, begun)
        return reply

    def refusal(self, wave: Directed, error: BaseException) -> Pong:
        if not isinstance(error, HyperverseError):
            return self._outbound.star.lost(wave, error)
        return self._outbound.refuse(wave, error)

    def end(self, reason: str) -> None:
        if self.over:
            return
        self.over = True
        self._closed(self, reason)
        for deadline in tuple(self._under_way):
            deadline.pass_()

    def end_from_here(self, reason: str) -> None:
        """Ends the session from the machine's side, and notifies its gateway."""
        if not self.over:
            self.end(reason)
            if self.ended is not None:
                self.ended(reason)
