"""Inbound: handles what other machines request of the stars of this one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec

from ...contracts.registry import Registry
from ...errors import (
    HandlerFailed,
    HyperverseError,
    LaneFull,
    NotHostedHere,
    ProtocolError,
    Unavailable,
    described,
)
from ...protocol.codec import encode_echoes, encode_pong, encode_provision_reply
from ...protocol.messages import Message, ProvisionReply, ProvisionRequest
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.worker_pool import WorkerPool
from ...universe.waves.origin import timed_out
from ...universe.waves.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from ..particles.active import Active
from ..particles.homes import Homes
from ..particles.places import Places
from ..particles.state import State
from ..stars.star import Star
from ..transit.ports import LaneRequest
from ..transit.switchboard import Switchboard
from .collected import to_echo
from .fan_out import FanOut
from .gate import Gate
from .outbound import Outbound
from .replay_cache import ReplayCache

__all__ = ["Inbound"]

_log = guarded_log("hyperverse.lane")


class Inbound:
    """Handles the requests of other machines, each in the task of a worker.

    Args:
        homes: the particles of this machine's stars.
        outbounds: the senders of this machine's stars.
        places: the places of particles; particles that another machine assigns to this one are entered there.
        board: carries the answers.
        fan_out: delivers Ripples.
        pool: runs the jobs.
        registry: provides the records of particles.
        gate: asked before an answer is given a second time.
    """

    def __init__(
        self,
        *,
        homes: Homes,
        outbounds: Iterable[Outbound],
        places: Places,
        board: Switchboard,
        fan_out: FanOut,
        pool: WorkerPool,
        registry: Registry,
        gate: Gate,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.replay_cache = ReplayCache()
        self._homes = homes
        self._outbounds = {outbound.star.text: outbound for outbound in outbounds}
        self._places = places
        self._board = board
        self._fan_out = fan_out
        self._pool = pool
        self._registry = registry
        self._gate = gate
        self._jobs: dict[type, Callable[..., Coroutine[Any, Any, None]]] = {
            Ping: self._ping,
            Signal: self._signal,
            Ripple: self._part,
            ProvisionRequest: self._provision,
        }

    def serve(self, star: Star, request: LaneRequest, message: Message) -> None:
        """Plans a job for one request."""
        job = self._jobs.get(type(message))
        try:
            if job is None:
                raise ProtocolError(f"{type(message).__name__} is not a request to a star")
            if self.loop.time() >= star.serve_until:
                raise Unavailable(star.no_lease, retry_after=0.5)
            only = request.envelope.incarnation
            if only and only != star.incarnation:
                self.refuse(request, _started_again(star))
                return
            self._pool.put(self._answering, job, star, request, message, priority=request.envelope.priority)
        except HyperverseError as exc:
            self.refuse(request, Pong.failure(exc))

    async def _answering(
        self, job: Callable[..., Coroutine[Any, Any, None]], star: Star, request: LaneRequest, message: Message
    ) -> None:
        """Runs one job. Whatever it raises, the machine that sent the request gets an answer."""
        try:
            await job(star, request, message)
        except BaseException as exc:
            if ends_task(exc):
                raise
            await self._send_lost(star, request, message, exc)

    async def _send_lost(self, star: Star, request: LaneRequest, message: Message, error: BaseException) -> None:
        if isinstance(message, ProvisionRequest):
            _log.error("%s could not be activated; please report it", message.point, exc_info=error)
            reply = ProvisionReply(message.id, None, 500, described(error), "please report it")
            await self._send(request, encode_provision_reply(reply))
        elif isinstance(message, Ripple) and isinstance(message.recipients, tuple):
            echoes = [to_echo(star.lost(msgspec.structs.replace(message, to=p), error), p) for p in message.recipients]
            await self._send(request, encode_echoes(message.id, echoes))
        elif isinstance(message, Ping | Signal):
            reply_to_ping = star.lost(message, error)  # the sender of a Signal does not wait, so the log has the error
            if isinstance(message, Ping):
                await self._send(request, encode_pong(reply_to_ping))

    def refuse(self, request: LaneRequest, reply: Pong) -> None:
        """Sends the reply to a refused request, inline. If there is no room for it, the reply is lost and the sender of
        the request times out."""
        try:
            if request.envelope.origin:
                self._board.answer(request, encode_pong(reply))
        except HyperverseError as exc:
            _log.warning("an answer for %s is lost: %s", request.envelope.origin, exc)

    @staticmethod
    def _encoded(reply: Pong) -> bytes:
        try:
            return encode_pong(reply)
        except HyperverseError as exc:
            return encode_pong(_unsent(exc, reply))
        except Exception as exc:  # a value that cannot be encoded
            return encode_pong(_unsent(HandlerFailed(f"the answer cannot be sent: {described(exc)}"), reply))

    async def _send(self, request: LaneRequest, payload: bytes) -> None:
        """Sends an answer, and waits for room if the lane is full. Answers have precedence over work that has not
        begun."""
        try:
            while True:
                try:
                    self._board.answer(request, payload)
                    return
                except LaneFull:
                    await self._board.room(request)
        except HyperverseError as exc:
            _log.warning("an answer for %s is lost: %s", request.envelope.origin, exc)

    def _find(self, star: Star, wave: Directed) -> Active:
        active = self._homes.by_text[star.text].active.get(wave.to.text)
        if active is None or active.gone:
            raise NotHostedHere(f"{wave.to.text!r} does not live in {star.text}")
        return active

    async def _ping(self, star: Star, request: LaneRequest, wave: Ping) -> None:
        key = ""
        if wave.handling.retries:
            key = f"{wave.agent.text} {_sender(wave)} {wave.id} {wave.to.text} {wave.hops}"
            first = self.replay_cache.first(key, wave)
            if first is not None:
                await self._repeat(star, request, wave, first)
                return
        reply: Pong | None = None
        outbound = self._outbounds[star.text]
        try:
            with outbound.deadlines.by(wave.deadline):
                try:
                    hosting = self._homes.by_text[star.text]
                    active = hosting.active.get(wave.to.text)
                    if active is None or active.state is State.GONE:
                        active = await hosting.recover(wave.to)
                    reply = await active.receive(wave)
                except HyperverseError as exc:
                    reply = outbound.refuse(wave, exc)
                except BaseException as exc:
                    if ends_task(exc):
                        outbound.cut(wave, exc)
                        raise
                    reply = star.lost(wave, exc)
        except BaseException:
            if key:  # repeats of this wave wait for the outcome
                self.replay_cache.settle(key, _unknown(wave), size=0)
            raise
        if reply is None:
            reply = timed_out(wave, wave.handling.wait)
        payload = self._encoded(reply)
        if key:
            self.replay_cache.settle(key, None if reply.outcome is Outcome.REJECTED else reply, size=len(payload))
        try:  # does the same as `_send`, but without its coroutine if there is room
            self._board.answer(request, payload)
        except HyperverseError:
            await self._send(request, payload)

    async def _repeat(self, star: Star, request: LaneRequest, wave: Ping, first: asyncio.Future[Pong]) -> None:
        """Answers a repeated Ping with the answer to the first attempt."""
        reply = timed_out(wave, wave.handling.wait)
        try:
            with self._outbounds[star.text].deadlines.by(wave.deadline):
                await self._authorise_again(star, wave)
                reply = await asyncio.shield(first)
        except HyperverseError as exc:
            reply = self._outbounds[star.text].refuse(wave, exc)
        except asyncio.CancelledError:
            if not first.cancelled():
                raise
            reply = Pong.failure(Unavailable("the first attempt was not accepted", retry_after=0.05))
        await self._send(request, self._encoded(reply))

    async def _authorise_again(self, star: Star, wave: Ping) -> None:
        """Returns if the agent may still get the answer that it was allowed the first time. Raises the errors of the
        gate."""
        hosting = self._homes.by_text[star.text]
        active = hosting.active.get(wave.to.text)
        if active is not None and active.state is not State.GONE:
            await self._gate.authorise(active, wave)
            return
        await self._gate.authorise_again(wave)

    async def _signal(self, star: Star, request: LaneRequest, wave: Signal) -> None:
        try:
            rest = self._find(star, wave).accept(wave)
            if rest is not None:
                await rest
        except NotHostedHere:
            # The particle has moved while the wave was under way: forward the wave from here.
            reply = await self._outbounds[star.text].notify(wave)
            if not reply.ok:
                _log.warning("signal %s to %s: %s", wave.method, wave.to, reply.error, extra={"wave": wave.id})
        except HyperverseError as exc:
            self._outbounds[star.text].refuse(wave, exc)
            _log.warning("signal %s to %s: %s", wave.method, wave.to, exc, extra={"wave": wave.id})

    async def _part(self, star: Star, request: LaneRequest, wave: Ripple) -> None:
        points = wave.recipients
        assert isinstance(points, tuple)
        left = wave.deadline - self.loop.time()
        wave.deadline -= min(0.05, left / 10)  # so that the sender gets a partial answer in time
        echoes = await self._fan_out.gather(star, wave, list(points))
        await self._send(request, self._echoes(wave, echoes))

    @staticmethod
    def _echoes(wave: Ripple, echoes: list[Echo]) -> bytes:
        try:
            return encode_echoes(wave.id, echoes)
        except HyperverseError:  # one body that cannot be sent must not affect the others
            return encode_echoes(wave.id, [_sendable(echo) for echo in echoes])

    async def _provision(self, star: Star, request: LaneRequest, message: ProvisionRequest) -> None:
        try:
            record = await self._registry.record(message.point)
            active = await self._homes.by_text[star.text].adopt(record, message.expected)
            reply = ProvisionReply(message.id, active.assignment)
            if not active.gone:
                self._places.keep(message.point, active)
        except HyperverseError as exc:
            reply = ProvisionReply(message.id, None, exc.status, exc.message, exc.hint)
        await self._send(request, encode_provision_reply(reply))


def _sender(wave: Ping) -> str:
    """Returns the sender, for the key of the answer; empty for a client. A client that reconnects, perhaps to another
    machine, has a different point but the same agent."""
    return "" if wave.id.startswith("c-") else wave.sender.text


def _started_again(star: Star) -> Pong:
    """Returns the reply to the repeat of a Ping that went to an earlier incarnation of a star."""
    error = f"{star.text} has restarted since it got this wave; whether the wave ran is unknown"
    return Pong(503, {"error": error}, outcome=Outcome.UNKNOWN)


def _unknown(wave: Ping) -> Pong:
    """Returns the reply to a Ping that was cancelled while it ran."""
    return Pong(503, {"error": "the wave was cancelled while it ran"}, wave.to, Outcome.UNKNOWN, wave.id)


def _unsent(error: HyperverseError, reply: Pong) -> Pong:
    """Returns the reply for a handler that has run, but whose answer cannot be sent."""
    failure = Pong.failure(error, Outcome.FAILED)
    failure.sender, failure.id, failure.star, failure.hops = reply.sender, reply.id, reply.star, reply.hops
    return failure


def _sendable(echo: Echo) -> Echo:
    try:
        encode_pong(echo)
    except HyperverseError as exc:
        return to_echo(_unsent(exc, echo), echo.sender)
    return echo
