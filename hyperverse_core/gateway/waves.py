"""A client's waves: checks them, adds what only the machine may set, runs and answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from ..contracts.gateway import GatewayHost, Replays, Session
from ..errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HyperverseError,
    InternalError,
    TooLarge,
    TooMany,
    TryAgain,
    Unavailable,
    described,
)
from ..protocol.body_weight import LEAST, TINY, frame_weight
from ..protocol.codec import wave_of_client
from ..protocol.frame_bytes import body_size
from ..protocol.frames import ClientPingFrame, ClientRippleFrame, ClientSignalFrame
from ..scheduling.cancellation import ends_task, is_cancelled
from ..scheduling.guarded_log import guarded_log
from ..universe.waves.origin import Origin, timed_out
from ..universe.waves.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from .backpressure import Backpressure
from .replies import echo_frames, reply_frame

__all__ = ["ClientWaves"]

_log = guarded_log("hyperverse.control")
_Asked = ClientPingFrame | ClientSignalFrame | ClientRippleFrame
_LONGEST_ID = 64
_SMALL = 8192
_LONGEST_WAIT = 86_400.0


class WavesGate(Protocol):
    """The part of the gate that the waves of a client use."""

    replay_cache: Replays

    def one_ended(self) -> None:
        """Notes that a wave of a client has ended."""


class ClientLink(Protocol):
    """The part of a client's connection that its waves use."""

    host: GatewayHost
    loop: asyncio.AbstractEventLoop
    room: Backpressure
    over: bool

    @property
    def gate(self) -> WavesGate: ...

    def send_or_dismiss(self, frame: bytes) -> None:
        """Sends immediately, or disconnects the client."""

    async def send(self, frame: bytes, otherwise: bytes = b"", *, priority: int = 3) -> None:
        """Sends, and waits a while for a client that does not keep up."""


class ClientWaves:
    """The waves of one client.

    Sender, agent, chain, scope and origin of a wave are set here; a client's frames have no fields for them.

    Attributes:
        running: waves in flight, by id, with the task to cancel when the client is gone.
    """

    def __init__(self, client: ClientLink, session: Session) -> None:
        host = client.host
        self.client = client
        self.session = session
        self.loop = client.loop
        self.host = host
        self.replay_cache = client.gate.replay_cache
        self.running: dict[str, asyncio.Task[Any] | None] = {}
        own = session.origin
        self._forbidden = Origin(
            own.sender, own.agent, own.star, own.ids, own.time, scope=own.scope, between_stars=True
        )
        self._weights: dict[str, int] = {}
        self._weight = 0  # of the wave that is being accepted
        self._most = host.limits.waves
        self._largest_body = host.limits.body
        self._largest_frame = host.transport.max_frame

    def take(self, raw: _Asked, frame: bytes, unread: int = 0) -> None:
        """Accepts a wave that arrived in ``frame``. ``unread`` is the size of its body in bytes if that is too large to
        be read, and 0 otherwise."""
        wave: Ping | Signal | Ripple | None = None
        try:
            weight = LEAST if len(frame) <= TINY else frame_weight(raw.body, frame)
            wave = self._wave(raw)
            if unread or len(frame) > self._largest_body:
                self._check_body(unread or body_size(wave.body))
            self.session.check(wave)
            self._weight = weight
            if type(wave) is Ping:
                if wave.handling.retries > 0:
                    self._begin_repeatable(wave)
                else:
                    self._begin(self._cuttable, wave, self._ask)
            elif type(wave) is Signal:
                self._begin(self._cuttable, wave, self._tell, min(raw.wait, _LONGEST_WAIT))
            else:
                self._begin(self._cuttable, wave, self._ask_many)
        except HyperverseError as exc:
            if isinstance(exc, Forbidden) and wave is None:
                wave = self._forbidden_wave(raw)
            self._refuse(raw, Pong.failure(exc) if wave is None else self.session.refusal(wave, exc))
        except Exception as exc:  # a defect: only this wave fails, the client stays connected
            _log.exception("the frame of wave %s failed; please report it", raw.id, extra={"wave": raw.id})
            error = InternalError(f"the wave {raw.id} could not be handled: {described(exc)}", hint="please report it")
            self._refuse(raw, Pong.failure(error))

    def _refuse(self, raw: _Asked, reply: Pong) -> None:
        reply.id, reply.star = raw.id, self.session.star
        self.client.send_or_dismiss(reply_frame(reply, self._largest_frame))

    # -- what a wave must be ------------------------------------------------------------------------------

    def _check_body(self, size: int) -> None:
        if size > self._largest_body:
            raise TooLarge(f"the body has {size} bytes; {self._largest_body} are allowed", hint="send it in parts")

    def _wave(self, raw: _Asked) -> Ping | Signal | Ripple:
        """Returns the wave in the form that the fabric uses, before its checks. Raises BadRequest, ParseError,
        Forbidden."""
        if raw.id[:2] != "c-" or len(raw.id) > _LONGEST_ID or not raw.id.isprintable():
            raise BadRequest(f"{raw.id[:_LONGEST_ID]!r} is not the id of a client's wave", hint="it begins with 'c-'")
        return wave_of_client(raw, self.session.origin, _LONGEST_WAIT)

    def _forbidden_wave(self, raw: _Asked) -> Ping | Signal | Ripple | None:
        """Returns the wave that the client may not send, for observers; None if it is also invalid in another way."""
        try:
            return wave_of_client(raw, self._forbidden, _LONGEST_WAIT)
        except HyperverseError:
            return None  # the client only learns that it is forbidden, and why

    # -- in flight ----------------------------------------------------------------------------------------

    def _begin(self, job: Callable[..., Coroutine[Any, Any, None]], wave: Directed, *args: Any) -> None:
        if len(self.running) >= self._most:
            raise TooMany(f"{self._most} waves of this client are in flight", retry_after=0.1)
        if wave.id in self.running:
            raise Conflict(f"a wave with id {wave.id!r} is in flight", hint="use each id once")
        weight = self._weight
        self.session.take(weight)
        self.running[wave.id] = None
        self._weights[wave.id] = weight
        try:
            self.host.plan(job, wave, *args, priority=wave.handling.priority)
        except HyperverseError:
            del self.running[wave.id]
            self.session.give(self._weights.pop(wave.id))
            raise

    async def _ask(self, wave: Ping) -> None:
        await self._send(wave, await self.session.ask(wave))

    def _send(self, wave: Directed, reply: Pong) -> Coroutine[Any, Any, None]:
        """Returns the coroutine that sends a reply. It is not a coroutine itself, so that nothing keeps ``reply`` alive
        while its frame waits."""
        frame = reply_frame(reply, self._largest_frame)
        if len(frame) <= _SMALL:
            return self.client.send(frame, priority=wave.handling.priority)
        lost = {"error": "the client does not keep up with its replies", "hint": "request less at once"}
        short = msgspec.structs.replace(reply, status=503, body=lost, outcome=Outcome.UNKNOWN, headers=None)
        return self.client.send(frame, reply_frame(short, self._largest_frame), priority=wave.handling.priority)

    async def _tell(self, wave: Signal, wait: float) -> None:
        """Reports within ``wait`` seconds whether the Signal was accepted."""
        await self._send(wave, await self.session.notify(wave, wait))

    async def _ask_many(self, wave: Ripple) -> None:
        async def hand_on(some: list[Echo]) -> None:
            for frame in echo_frames(wave.id, some, self._largest_frame, last=False):
                await self.client.send(frame, priority=wave.handling.priority)

        try:
            echoes = await self.session.spread(wave, hand_on)
        except HyperverseError as exc:  # observers were notified when it was raised
            reply = Pong.failure(exc)
            reply.sender, reply.id, reply.star = wave.to, wave.id, self.session.star
            await self._send(wave, reply)
            return
        for frame in echo_frames(wave.id, echoes, self._largest_frame):
            await self.client.send(frame, priority=wave.handling.priority)

    async def _cuttable(self, wave: Directed, job: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """Runs ``job(wave, *args)`` in the task of a worker, which must survive when the job is cancelled."""
        task = asyncio.current_task(self.loop)
        assert task is not None
        if self.client.over:
            self._ended(wave)
            return
        self.running[wave.id] = task
        try:
            if not self.client.room.free:
                await self.client.room.turn()
            await job(wave, *args)
        except asyncio.CancelledError as exc:
            if self.client.over and task.uncancel() == 0:
                return
            if is_cancelled():
                raise
            await self._send(wave, self.session.refusal(wave, exc))
        except BaseException as exc:
            if ends_task(exc):
                raise
            await self._send(wave, self.session.refusal(wave, exc))
        finally:
            self.running.pop(wave.id, None)  # same as `_ended`, without the call
            weight = self._weights.pop(wave.id, 0)
            if weight:
                self.session.give(weight)
            self.client.gate.one_ended()

    def _ended(self, wave: Directed) -> None:
        self.running.pop(wave.id, None)
        weight = self._weights.pop(wave.id, 0)
        if weight:
            self.session.give(weight)
        self.client.gate.one_ended()

    def cut(self) -> None:
        """Cancels the waves in flight, except those whose reply may be requested again."""
        for task in self.running.values():
            if task is not None:
                task.cancel()
        self.running.clear()

    # -- waves that may be repeated -----------------------------------------------------------------------

    def _begin_repeatable(self, wave: Ping) -> None:
        """Accepts a Ping that its sender may repeat, even over another connection; it is handled once."""
        key = f"{self.session.agent.text} {wave.id}"  # so that no agent gets the replies to another agent
        first = self.replay_cache.first(key, wave)
        if wave.id in self.running:
            if first is None:
                self.replay_cache.settle(key, None)
            elif not _is_conflict(first):
                return  # it is already being answered on this connection
            raise Conflict(f"the id {wave.id!r} belongs to another wave in progress", hint="use each id once")
        if first is not None:
            self._begin(self._cuttable, wave, self._repeat, first)
            return
        try:
            self._begin(self._first, wave, key)
        except HyperverseError:
            self.replay_cache.settle(key, None)
            raise

    async def _first(self, wave: Ping, key: str) -> None:
        """Handles the Ping. It is not cancelled when the client disconnects, because the client may return and request
        the reply."""
        try:
            reply = await self.session.ask(wave, outlives=True)
            size = len(reply_frame(reply, self._largest_frame))
            self.replay_cache.settle(key, None if reply.outcome is Outcome.REJECTED else reply, size=size)
            await self._send(wave, reply)
        except BaseException as exc:
            if ends_task(exc):
                raise
            reply = self.session.refusal(wave, exc)
            self.replay_cache.settle(key, reply, size=0)
            await self._send(wave, reply)
        finally:
            self.replay_cache.settle(key, None)  # does nothing if it is already settled
            self._ended(wave)

    async def _repeat(self, wave: Ping, first: asyncio.Future[Pong]) -> None:
        """Answers a repeated Ping with the reply to the first one, if its agent may still send it."""
        reply = timed_out(wave, wave.handling.wait)
        try:
            async with asyncio.timeout_at(wave.deadline):
                await self.session.authorise_again(wave)
                reply = await asyncio.shield(first)
        except TimeoutError:
            pass
        except HyperverseError as exc:
            reply = self.session.refusal(wave, exc)
            if isinstance(exc, TryAgain):  # about this repeat: the first attempt may have run
                reply.outcome = Outcome.UNKNOWN
        except asyncio.CancelledError:
            if not first.cancelled():
                raise
            reply = self.session.refusal(wave, Unavailable("the first attempt was not accepted", retry_after=0.05))
        await self._send(wave, reply)


def _is_conflict(reply: asyncio.Future[Pong]) -> bool:
    return reply.done() and not reply.cancelled() and reply.result().status == Conflict.status
