"""Serving: what other machines ask of the stars of this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import attrs

from ...contracts.lane import Peer
from ...errors import HyperverseError, LaneFull, NotHostedHere, ProtocolError, Unavailable
from ...protocol.codec import Assigned, Message, Provision, encode_assigned, encode_echoes, encode_pong
from ...protocol.envelope import Envelope
from ...universe.address.point import Point
from ...universe.waves.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from ..particles.context import timed_out
from .fan_out import gather_here, to_echo
from .replay_cache import ReplayCache

if TYPE_CHECKING:
    from ..machine import Machine
    from ..particles.active import Active
    from .outbound import Star

__all__ = ["Inbound", "Request"]

_log = logging.getLogger("hyperverse.lane")


@attrs.define(eq=False)
class Request:
    """What another machine asks.

    Attributes:
        envelope: as it came.
        via: the connection that it came by; the answer goes back the same way while that is there.
    """

    envelope: Envelope
    via: Peer | None


class Inbound:
    """Handles the requests of other machines, each in the task of a worker of the crew."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.recent = ReplayCache()
        self._jobs: dict[type, Callable[..., Coroutine[Any, Any, None]]] = {
            Ping: self._ping,
            Signal: self._signal,
            Ripple: self._part,
            Provision: self._provision,
        }

    def serve(self, star: Star, request: Request, message: Message) -> None:
        """Plans the handling of one request."""
        job = self._jobs.get(type(message))
        try:
            if job is None:
                raise ProtocolError(f"{type(message).__name__} is nothing to ask of a star")
            if self.loop.time() >= star.serve_until:
                raise Unavailable(f"{star.text} cannot renew its lease", retry_after=0.5)
            self.machine.crew.put(job, star, request, message, priority=request.envelope.priority)
        except HyperverseError as exc:
            self.refuse(request, Pong.failure(exc))

    def refuse(self, request: Request, reply: Pong) -> None:
        """Sends a reply to a request that goes no further, in line. When there is no room for it, it is lost: whoever
        asked gives up in its own time."""
        try:
            if request.envelope.origin:
                self._answer(request, encode_pong(reply))
        except HyperverseError as exc:
            _log.warning("an answer for %s is lost: %s", request.envelope.origin, exc)

    @staticmethod
    def _encoded(reply: Pong) -> bytes:
        try:
            return encode_pong(reply)
        except HyperverseError as exc:
            return encode_pong(_unsent(exc, reply))

    async def _send(self, request: Request, payload: bytes) -> None:
        """Sends an answer; waits for room when the lane is full. Answers are worth more than what is yet to begin."""
        try:
            while True:
                try:
                    self._answer(request, payload)
                    return
                except LaneFull:
                    await self.machine.switchboard.room(request.via, request.envelope.origin)
        except HyperverseError as exc:
            _log.warning("an answer for %s is lost: %s", request.envelope.origin, exc)

    def _answer(self, request: Request, payload: bytes) -> None:
        self.machine.switchboard.answer(request.via, request.envelope, payload)

    @staticmethod
    def _find(star: Star, wave: Directed) -> Active:
        live = star.hosting.live.get(wave.to.text)
        if live is None or live.gone:
            raise NotHostedHere(f"{wave.to.text!r} does not live in {star.text}")
        return live

    async def _ping(self, star: Star, request: Request, wave: Ping) -> None:
        key = ""
        if wave.handling.retries:
            key = f"{wave.id} {wave.to.text} {wave.hops}"
            first = self.recent.first(key, wave)
            if first is not None:
                await self._repeat(star, request, wave, first)
                return
        reply: Pong | None = None
        try:
            with star.deadlines.by(wave.deadline):
                try:
                    live = star.hosting.live.get(wave.to.text)
                    if live is None or live.gone:
                        live = await star.hosting.recover(wave.to)
                    reply = await live.receive(wave)
                except HyperverseError as exc:
                    reply = star.refusal(wave, exc)
        except BaseException:
            if key:  # those who repeat it wait for an end
                self.recent.settle(key, _unknown(wave), size=0)
            raise
        if reply is None:
            reply = timed_out(wave, wave.handling.wait)
        payload = self._encoded(reply)
        if key:
            self.recent.settle(key, None if reply.outcome is Outcome.REJECTED else reply, size=len(payload))
        await self._send(request, payload)

    async def _repeat(self, star: Star, request: Request, wave: Ping, first: asyncio.Future[Pong]) -> None:
        """Answers a Ping that has come before as that one is answered."""
        reply = timed_out(wave, wave.handling.wait)
        try:
            with star.deadlines.by(wave.deadline):
                reply = await asyncio.shield(first)
        except asyncio.CancelledError:
            if not first.cancelled():
                raise
            reply = Pong.failure(Unavailable("the first try was not taken", retry_after=0.05))
        await self._send(request, self._encoded(reply))

    async def _signal(self, star: Star, request: Request, wave: Signal) -> None:
        try:
            rest = self._find(star, wave).accept(wave)
            if rest is not None:
                await rest
        except NotHostedHere:
            # it has moved while it was under way: from here it is sent on
            reply = await star.notify(wave)
            if not reply.ok:
                _log.warning("signal %s to %s: %s", wave.method, wave.to, reply.error, extra={"wave": wave.id})
        except HyperverseError as exc:
            _log.warning("signal %s to %s: %s", wave.method, wave.to, exc, extra={"wave": wave.id})

    async def _part(self, star: Star, request: Request, wave: Ripple) -> None:
        points = wave.recipients
        assert isinstance(points, tuple)
        left = wave.deadline - self.loop.time()
        wave.deadline -= min(0.05, left / 10)  # so that a partial answer is back in time
        echoes: list[Echo] = await gather_here(star, wave, list(points))
        await self._send(request, self._echoes(wave, echoes))

    @staticmethod
    def _echoes(wave: Ripple, echoes: list[Echo]) -> bytes:
        try:
            return encode_echoes(wave.id, echoes)
        except HyperverseError:  # one body that cannot be sent is not to cost the others theirs
            return encode_echoes(wave.id, [_sendable(echo) for echo in echoes])

    async def _provision(self, star: Star, request: Request, message: Provision) -> None:
        try:
            record = await self.machine.registry.record(message.point)
            live = await star.hosting.adopt(record, message.expected)
            reply = Assigned(message.id, live.assignment)
            self._settle_place(message.point, live)
        except HyperverseError as exc:
            reply = Assigned(message.id, None, exc.status, exc.message, exc.hint)
        await self._send(request, encode_assigned(reply))

    def _settle_place(self, point: Point, live: Active) -> None:
        if not live.gone:
            self.machine.gravity.places[point.text] = live


def _unknown(wave: Ping) -> Pong:
    """What is said of a Ping that was ended in the middle."""
    return Pong(503, {"error": "it was begun and cut off"}, wave.to, Outcome.UNKNOWN, wave.id)


def _unsent(error: HyperverseError, reply: Pong) -> Pong:
    """The reply of a handler that has run and answered with what cannot be sent."""
    failure = Pong.failure(error, Outcome.FAILED)
    failure.sender, failure.id, failure.star, failure.hops = reply.sender, reply.id, reply.star, reply.hops
    return failure


def _sendable(echo: Echo) -> Echo:
    try:
        encode_pong(echo)
    except HyperverseError as exc:
        return to_echo(_unsent(exc, echo), echo.sender)
    return echo
