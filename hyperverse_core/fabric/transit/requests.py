"""Exchange: requests that wait for an answer from another machine, and requests of others that are served here."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any

from ...contracts.lane import Peer
from ...contracts.registry import Assignment, ParticleRecord
from ...errors import HyperverseError, NotHostedHere, ProtocolError, TimedOut, Unavailable, error_for_status
from ...protocol.codec import (
    Assigned,
    Echoes,
    Message,
    Provision,
    decode,
    encode_part,
    encode_ping,
    encode_provision,
    encode_signal,
)
from ...protocol.envelope import Envelope
from ...protocol.repeats import NoAnswer
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from ..delivery.inbound import Inbound, Request
from ..delivery.location import Place
from .remote_star import RemoteStar

if TYPE_CHECKING:
    from ..delivery.outbound import Star
    from ..machine import Machine

__all__ = ["Requests"]

_log = logging.getLogger("hyperverse.lane")
_PROVISION_WAIT = 10.0


class Requests:
    """What this machine has asked others; what they have asked it goes to :class:`Serving`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.serving = Inbound(machine)
        self.origin = str(StarKey("machine", machine.name, 0))
        self._switchboard = machine.switchboard
        self._numbers = itertools.count(1)
        self._pending: dict[int, tuple[asyncio.Future[Any], str]] = {}

    # -- asking -------------------------------------------------------------------------------------------

    async def _request(self, star: str, payload: bytes, *, priority: int, limit: float | None) -> Any:
        """Sends a frame and waits for what comes back; None when ``limit`` (seconds) passes first."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = self.loop.create_future()
        lane = self.machine.switchboard.send(star, number, self.origin, payload, priority=priority)
        self._pending[number] = (future, lane)
        timer = None
        if limit is not None:
            timer = self.loop.call_later(limit, self._settle, number, None)
        try:
            return await future
        finally:
            self._pending.pop(number, None)
            if timer is not None:
                timer.cancel()

    async def ask(self, far: RemoteStar, wave: Directed) -> Pong:
        """Sends a Ping to a far star. Raises NotHostedHere when the particle does not live there, Unavailable when
        it surely did not leave. No answer is a :class:`NoAnswer`."""
        assert isinstance(wave, Ping)
        incarnation, loop, handling, number = far.incarnation, self.loop, wave.handling, next(self._numbers)
        try:
            payload = encode_ping(wave, loop.time())
            lane = self._switchboard.send(far.text, number, self.origin, payload, priority=handling.priority)
        except Unavailable as exc:
            if await self.machine.membership.has_left(far.key, incarnation):
                raise NotHostedHere(f"{far.text} has left the Hyperverse") from exc
            raise
        future: asyncio.Future[Any] = loop.create_future()
        self._pending[number] = (future, lane)
        timer = loop.call_later(_share(wave, loop.time()), self._settle, number, None) if handling.retries else None
        try:
            reply = await future
        finally:
            self._pending.pop(number, None)
            if timer is not None:
                timer.cancel()
        if type(reply) is not Pong:
            return _lost(reply, far.text, incarnation, wave)
        if reply.status == NotHostedHere.status and reply.outcome is Outcome.REJECTED:
            raise NotHostedHere(reply.error)
        if not reply.id:  # a refusal on the way, of an envelope that was not opened
            reply.id, reply.sender = wave.id, wave.to
        reply.remote = True
        reply.hops = wave.hops
        return reply

    async def ask_again(self, lost: NoAnswer, wave: Ping) -> Pong:
        """Repeats a Ping that has got no answer at the same star."""
        try:
            return await self.ask(self._switchboard.far(StarKey.parse(lost.star)), wave)
        except HyperverseError as exc:
            return self.machine.machine_star.refusal(wave, exc)

    def tell(self, far: RemoteStar, wave: Directed) -> None:
        """Sends a Signal to a far star. Raises Unavailable."""
        assert isinstance(wave, Signal)
        payload = encode_signal(wave, self.loop.time())
        self.machine.switchboard.send(far.text, 0, "", payload, priority=wave.handling.priority)

    async def spread(self, place: Place, wave: Ripple, points: list[Point]) -> list[Echo]:
        """Sends one Ripple to recipients that live in one far star; an echo for each, whatever happens."""
        star = place.star.text
        own = self.machine.machine_star
        wave_hops = own.distances.get(star, 0)
        reply: Any = None
        try:
            payload = encode_part(wave, points, self.loop.time())
            reply = await self._request(
                star, payload, priority=wave.handling.priority, limit=wave.deadline - self.loop.time()
            )
            _raise(reply)
        except HyperverseError as exc:
            lost = Pong.failure(exc, Outcome.UNKNOWN if exc is reply else Outcome.REJECTED)
            return [Echo(lost.status, lost.body, p, lost.outcome, wave.id, star, wave_hops, True) for p in points]
        if reply is None:
            return []  # whoever gathers says which did not answer
        assert isinstance(reply, Echoes)
        for echo in reply.echoes:
            echo.remote, echo.hops = True, wave_hops
        return reply.echoes

    async def provision(self, star: StarKey, record: ParticleRecord, expected: Assignment | None) -> Place:
        """Asks a star of another machine to take a particle. Raises Conflict, NotHostedHere, NoDriver, Unavailable."""
        text = str(star)
        payload = encode_provision(Provision("", star, record.point, expected))
        reply = await self._request(text, payload, priority=1, limit=_PROVISION_WAIT)
        if reply is None:
            raise Unavailable(f"{text} did not answer when it was to take {record.point.text!r}", retry_after=0.5)
        _raise(reply)
        assert isinstance(reply, Assigned)
        if reply.status != 200:
            raise error_for_status(reply.status, reply.error, hint=reply.hint)
        self.machine.membership.placed(star)
        return self.machine.switchboard.far(star)

    # -- what comes back ----------------------------------------------------------------------------------

    def _settle(self, number: int, answer: object) -> None:
        pending = self._pending.get(number)
        if pending is not None and not pending[0].done():
            pending[0].set_result(answer)

    def take(self, star: Star, envelope: Envelope, via: Peer) -> None:
        """An envelope for a star of this machine has come from ``via``. Raises ProtocolError when what is in it is
        none of ours."""
        message: Message = decode(envelope.payload, self.loop.time())
        kind = type(message)
        if envelope.origin or kind is Signal:
            self.serving.serve(star, Request(envelope, via), message)
        elif kind is Pong or kind is Echoes or kind is Assigned:
            self._settle(envelope.number, message)  # one that came too late finds nobody, and that is fine
        else:
            raise ProtocolError(f"{type(message).__name__} is no answer")

    def bounce(self, envelope: Envelope, via: Peer | None, status: int, error: str) -> None:
        """An envelope cannot go on from here: whoever sent it is told."""
        if envelope.origin:
            self.serving.refuse(Request(envelope, via), Pong(status, {"error": error}, outcome=Outcome.REJECTED))

    def undelivered(self, envelope: Envelope, cause: str) -> None:
        """A request has waited for a lane in vain: it surely did not run."""
        error = f"there is no lane to {envelope.star}: {cause}"
        if envelope.origin == self.origin:
            self._settle(envelope.number, Pong(503, {"error": error}, outcome=Outcome.REJECTED))
        else:
            self.bounce(envelope, None, 503, error)

    def lane_lost(self, machine: str, cause: str) -> None:
        """What was sent over a lane may have run or not."""
        for number, (_, lane) in list(self._pending.items()):
            if lane == machine:
                self._settle(number, _lane_lost(machine, cause))

    async def last_answers(self, machine: str, cause: str, seconds: float) -> None:
        """A machine has left: what waits for its answers may get them for so long, and is told that there are none."""
        waiting = {number: future for number, (future, lane) in self._pending.items() if lane == machine}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=seconds)
        for number in waiting:
            self._settle(number, _lane_lost(machine, cause))

    async def close(self) -> None:
        """Ends what waits."""
        for number in list(self._pending):
            self._settle(number, Unavailable("this machine is stopping"))


def _lane_lost(machine: str, cause: str) -> Unavailable:
    return Unavailable(f"the lane to machine {machine!r} was lost: {cause}", retry_after=0.2)


def _share(wave: Ping, now: float) -> float:
    """Seconds that one attempt of several may take."""
    return (wave.deadline - now) / (wave.handling.retries + 1)


def _lost(reply: object, star: str, incarnation: int, wave: Ping) -> NoAnswer:
    """What the sender is told when there was no answer."""
    if reply is None:
        reply = TimedOut(f"{wave.to.text!r} at {star} did not answer in time")
    elif not isinstance(reply, HyperverseError):
        reply = ProtocolError(f"{star} has answered a Ping with {type(reply).__name__}")
    body = {"error": reply.message}
    lost = NoAnswer(reply.status, body, wave.to, Outcome.UNKNOWN, wave.id, star, wave.hops, True)
    lost.incarnation = incarnation
    return lost


def _raise(reply: object) -> None:
    """Raises what a reply stands for that says that the request was not carried out."""
    if isinstance(reply, HyperverseError):
        raise reply
    if isinstance(reply, Pong):
        raise error_for_status(reply.status, reply.error)
