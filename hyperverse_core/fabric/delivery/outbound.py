"""Outbound: sends waves from a star. It finds the recipient of a wave and delivers the wave: to a particle of this
machine with a direct call, to any other through its remote star."""

from __future__ import annotations

import asyncio
import math
from time import perf_counter

from ...contracts.gateway import HandOn
from ...errors import HyperverseError, InternalError, NotHostedHere, Unavailable
from ...scheduling.cancellation import ends_task
from ...scheduling.deadlines import Deadlines
from ...universe.address.point import HYPERUSER
from ...universe.waves.origin import Ids, Origin, timed_out
from ...universe.waves.wave import BOUNCE, Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from ..interception.cut_waves import EARLY, is_told, mark_told
from ..interception.interceptors import Interceptors
from ..interception.watching import Watched, WatchesSenders
from ..particles.active import Active
from ..particles.places import Places
from ..stars.star import Star
from .checks_in_time import ChecksInTime
from .collected import RippleProgress
from .fan_out import FanOut
from .heard import Heard
from .location import Location
from .retry import Retry, may_repeat
from .told import Told

__all__ = ["Outbound"]

_OK = Outcome.OK
_PAUSES = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.25)
"""Seconds before each further attempt to find a particle that has left."""
_IN_A_ROW = 127
"""Number of waves from a star after which other tasks get the event loop (a power of two minus one). A handler that
sends waves in a loop never has to wait, and would block timers, leases and all other waves."""


class Outbound:
    """Sends waves from one star.

    Args:
        star: the star from which the waves are sent.
        places: the known places.
        location: finds the other places.
        deadlines: the deadlines of the event loop.
        ids: creates the ids of waves.
        retry: repeats the waves that may be repeated.
        fan_out: delivers Ripples.
        interceptors: the observers of waves.
        told: decides of which particles senders may know.
        checks: ends waits for the policy before the waves end that wait.

    Attributes:
        origin: makes waves of the star itself, which may be ``Hyp`` waves.
    """

    __slots__ = (
        "_asked",
        "_checks",
        "_fan_out",
        "_heard",
        "_interceptors",
        "_known",
        "_location",
        "_places",
        "_retry",
        "_told",
        "deadlines",
        "ids",
        "origin",
        "star",
    )

    def __init__(
        self,
        star: Star,
        *,
        places: Places,
        location: Location,
        deadlines: Deadlines,
        ids: Ids,
        retry: Retry,
        fan_out: FanOut,
        interceptors: Interceptors,
        told: Told,
        checks: ChecksInTime,
    ) -> None:
        self._told = told
        self._checks = checks
        self._heard = Heard(star, told)
        self.star = star
        self.deadlines = deadlines
        self.ids = ids
        self.origin = Origin(star.point, star.point, star.text, ids, star.loop.time, between_stars=True)
        self._places = places
        self._location = location
        self._known = places.known  # the hot path reads the table without a call
        self._retry = retry
        self._fan_out = fan_out
        self._interceptors = interceptors
        self._asked = 0

    # -- Pings --------------------------------------------------------------------------------------------

    async def ask(self, wave: Ping) -> Pong:
        """Sends a Ping and returns the reply. Raises only if the task is cancelled: every other failure is in the
        reply."""
        senders = self._interceptors.senders
        watched = senders.begin(wave) if senders is not None else None
        place = self._known.get(wave.to.text)
        try:
            try:
                if place is None:
                    place = await self._location.locate_for(wave, wave.to)
                if place.star is not self.star:  # a remote star is its own place
                    wave.hops += self.star.distances[place.star.text]
                if watched is not None and senders is not None:
                    senders.sent(wave, place.star.text, watched)
                reply = await place.receive(wave)
            except NotHostedHere as exc:
                reply = await self._find_again(wave, exc)
            except HyperverseError as exc:
                reply = self.refuse(wave, exc)
            if wave.handling.retries and may_repeat(reply):
                reply = await self._retry.repeat(wave, reply, self)
            if reply.status >= 400 or wave.method is BOUNCE:
                reply = await self._as_told(wave, reply)
                if reply.status >= 400:
                    self._interceptors.fail(wave, reply, at_sender=True)
        except BaseException as exc:
            if ends_task(exc):
                self._cut_at_sender(wave, exc, senders, watched)
                raise
            reply = self.star.lost(wave, exc)
            self._interceptors.fail(wave, reply, at_sender=True)
        self._asked += 1
        if not self._asked & _IN_A_ROW:
            await self._pause(wave, senders, watched)
        if watched is not None and senders is not None:
            senders.end(wave, reply, watched, True)
        return reply

    async def _as_told(self, wave: Directed, reply: Pong) -> Pong:
        """Returns the reply as the agent of the wave may see it. The policy may have to be asked."""
        if not self._told.may_conceal(wave, reply):
            return reply
        try:
            if await self._checks.run(wave, self._told.conceals(wave, reply, wave.to)):
                return self.star.refusal(wave, self._told.missing(wave.to))
        except HyperverseError as exc:  # nobody can say whether the agent may see it
            return self.refuse(wave, exc)
        return reply

    async def ask_in_time(self, wave: Ping) -> Pong:
        """Like :meth:`ask`, but stops waiting at the wave's deadline."""
        with self.deadlines.by(wave.deadline):
            return await self.ask(wave)
        return self.unanswered(wave)  # reached when the deadline has ended the block above

    def unanswered(self, wave: Directed) -> Pong:
        """Returns the reply to a wave whose deadline has passed: its time is over, or the machine has stopped."""
        if not self.deadlines.ended:
            return timed_out(wave, wave.handling.wait)
        error = f"the machine stopped before {wave.to.text!r} answered {wave.method}"
        return Pong(503, {"error": error}, wave.to, Outcome.UNKNOWN, wave.id)

    async def once_more(self, wave: Ping) -> Pong:
        """Repeats a Ping, wherever its particle lives now."""
        try:
            place = await self._location.locate_for(wave, wave.to)
            return await place.receive(wave)
        except HyperverseError as exc:
            return await self._find_again(wave, exc)

    async def _find_again(self, wave: Ping, error: HyperverseError) -> Pong:
        """Sends a rejected wave again if its particle has moved; every other rejection becomes the answer."""
        for pause in _PAUSES:
            if not isinstance(error, NotHostedHere):
                break
            if pause:
                await asyncio.sleep(pause)  # the particle is leaving, and the registry does not show it yet
            self._places.forget(wave.to)
            try:
                place = await self._location.locate_for(wave, wave.to)
                return await place.receive(wave)
            except HyperverseError as exc:
                error = exc
        if isinstance(error, NotHostedHere):
            error = Unavailable(f"{wave.to.text!r} was not found where it lives: {error.message}", retry_after=0.5)
        return self.refuse(wave, error)

    def refuse(self, wave: Directed, error: HyperverseError) -> Pong:
        """Returns the reply to a wave that did not reach a handler, and notifies observers."""
        reply = self.star.refusal(wave, error)
        self._interceptors.refuse(wave, reply)
        return reply

    # -- Signals and Ripples ------------------------------------------------------------------------------

    def accepted(self, wave: Signal) -> Pong | None:
        """Sends a Signal and returns 202, if nobody observes it and it needs no wait. Otherwise returns None, and the
        caller uses :meth:`notify`. This saves most Signals a coroutine, 0.2 us."""
        place = self._known.get(wave.to.text)
        turns = self._asked + 1
        if (
            type(place) is not Active
            or not turns & _IN_A_ROW
            or wave.method is BOUNCE
            or self._interceptors.senders is not None
        ):
            return None
        before = wave.hops
        if place.star is not self.star:
            wave.hops += self.star.distances.get(place.star.text, 0)
        try:
            taken = place.accepts(wave)
        except HyperverseError:  # `notify` raises it again and reports it
            taken = False
        if not taken:
            wave.hops = before
            return None
        self._asked = turns
        return Pong(202, None, wave.to, _OK, wave.id, place.star.text, wave.hops)

    async def notify(self, wave: Signal, until: float = math.inf) -> Pong:
        """Sends a Signal. Returns 202, or why it was refused. Raises only if the task is cancelled.

        Args:
            until: when its sender stops waiting, by the loop's clock. The sender enforces that.
        """
        senders = self._interceptors.senders
        watched = senders.begin(wave) if senders is not None else None
        place = self._known.get(wave.to.text)
        try:
            if place is None:
                place = await self._location.locate_for(wave, wave.to)
            if place.star is not self.star:
                wave.hops += self.star.distances[place.star.text]
            if (place.remote or wave.method is BOUNCE) and await self._checks.run(wave, self._told.turns_away(wave)):
                raise self._told.missing(wave.to)
            if watched is not None and senders is not None:
                senders.sent(wave, place.star.text, watched)
            try:
                rest = place.accept(wave)
                if rest is not None:
                    await rest
            except NotHostedHere:
                self._places.forget(wave.to)
                place = await self._location.locate_for(wave, wave.to)
                rest = place.accept(wave)
                if rest is not None:
                    await rest
        except HyperverseError as exc:
            reply = self.refuse(wave, exc)
            reply = await self._as_told(wave, reply)
            self._interceptors.fail(wave, reply, at_sender=True)
        except BaseException as exc:
            if ends_task(exc):
                self._cut_at_sender(wave, exc, senders, watched, until)
                raise
            reply = self.star.lost(wave, exc)
            self._interceptors.fail(wave, reply, at_sender=True)
        else:
            self._asked += 1
            if not self._asked & _IN_A_ROW:
                await self._pause(wave, senders, watched, until)
            reply = Pong(202, None, wave.to, _OK, wave.id, place.star.text, wave.hops, place.remote)
        if watched is not None and senders is not None:
            senders.end(wave, reply, watched, True)
        return reply

    async def spread(
        self, wave: Ripple, gathered: RippleProgress | None = None, hand_on: HandOn | None = None
    ) -> list[Echo]:
        """Sends a Ripple to all its recipients and gathers the echoes. Raises HyperverseError only if the recipients
        cannot be determined.

        Args:
            gathered: shows the progress, for a caller that may cancel it.
            hand_on: gets the echoes of a Ripple to very many as they arrive; the rest are returned. None to return
                all of them.
        """
        progress = RippleProgress() if gathered is None else gathered
        senders = self._interceptors.senders
        watched = senders.begin(wave) if senders is not None else None
        try:
            echoes = await self._spread(wave, progress, hand_on)
        except HyperverseError as exc:
            reply = self.refuse(wave, exc)
            self._interceptors.fail(wave, reply, at_sender=True)
            if watched is not None and senders is not None:
                senders.end(wave, reply, watched, True)
            raise
        except BaseException as exc:  # the task is cancelled
            self._cut_at_sender(wave, exc, senders, watched)
            raise
        if watched is not None and senders is not None:
            senders.end(
                wave, Pong(200, progress.handed_on + len(echoes), id=wave.id, star=self.star.text), watched, True
            )
        return echoes

    async def _spread(self, wave: Ripple, gathered: RippleProgress, hand_on: HandOn | None) -> list[Echo]:
        async def hand_some_on(echoes: list[Echo]) -> None:
            assert hand_on is not None
            heard = echoes if knows_all else await self._heard.of(wave, echoes)
            gathered.handed_on += len(heard)
            await hand_on(heard)

        knows_all = wave.agent == HYPERUSER and wave.scope is None
        try:
            echoes = await self._fan_out.spread(self.star, wave, gathered, None if hand_on is None else hand_some_on)
            return echoes if knows_all else await self._heard.of(wave, echoes)
        except HyperverseError:
            raise
        except BaseException as exc:
            if ends_task(exc):
                raise
            lost = self.star.lost(wave, exc)
            raise InternalError(lost.error, hint="please report it") from None

    # -- observers ----------------------------------------------------------------------------------------

    def ended_above(self, wave: Directed, reply: Pong, begun: float) -> None:
        """Reports to observers the answer that the sender of a cancelled wave gets, which differs from the one that was
        reported at its end.

        Args:
            begun: when the wave began, by ``perf_counter``.
        """
        if self._interceptors.answered:
            self._interceptors.tell(self._interceptors.answered, wave, reply, perf_counter() - begun)

    # -- waves that are cancelled -------------------------------------------------------------------------

    def is_late(self, until: float) -> bool:
        """Whether the time limit ``until``, by the loop's clock, has passed."""
        return self.star.loop.time() + EARLY >= until

    def cut(self, wave: Directed, error: BaseException, until: float = math.inf) -> None:
        """Call this when the task that waits for a wave, or handles it, is cancelled. It reports to observers that the
        wave did not reach a handler, if no handler has started.

        Args:
            error: the exception that ends the task.
            until: when its sender stops waiting, if that is before the deadline.
        """
        if not isinstance(error, asyncio.CancelledError) or is_told(error):
            return  # or the coroutine is closed, when nobody waits and no loop runs
        mark_told(error)
        if self._interceptors.hears_refusals:
            late = self.is_late(min(until, wave.deadline))
            self._interceptors.refuse(wave, self._cut_reply(wave, late=late))

    def _cut_at_sender(
        self,
        wave: Directed,
        error: BaseException,
        senders: WatchesSenders | None,
        watched: Watched,
        until: float = math.inf,
    ) -> None:
        """Like :meth:`cut`, but also reports to the observers at the sender's end that the sender has its answer, if
        the time is over, or that it no longer waits."""
        self.cut(wave, error, until)
        if not isinstance(error, asyncio.CancelledError):
            return
        late = self.is_late(min(until, wave.deadline))
        if senders is not None and watched is not None:
            senders.end(wave, self._cut_reply(wave, late=late), watched, late)
        if self._interceptors.failures:
            self._interceptors.fail(wave, self._cut_reply(wave, late=late), at_sender=True)

    @staticmethod
    def _cut_reply(wave: Directed, *, late: bool) -> Pong:
        if late and type(wave) is Ping:
            return timed_out(wave, wave.handling.wait)
        error = f"{wave.method} did not finish in time" if late else f"the sender of {wave.method} no longer waits"
        return Pong(408 if late else 503, {"error": error}, wave.to, Outcome.UNKNOWN, wave.id)

    async def _pause(
        self, wave: Directed, senders: WatchesSenders | None, watched: Watched, until: float = math.inf
    ) -> None:
        """Yields to the event loop after a wave has reached its recipient."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as exc:
            mark_told(exc)
            self._cut_at_sender(wave, exc, senders, watched, until)
            raise
