"""Exchange: requests that wait for an answer from another machine, and requests of others that are served here."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any

from ..contracts.registry import Assignment, ParticleRecord
from ..errors import HyperverseError, NotHostedHere, ProtocolError, Unavailable, error_for_status
from ..universe.point import Point
from ..universe.star_key import StarKey
from ..universe.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from .far import Far
from .gravity import Place
from .serving import Serving
from .wire import (
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
from .wire_lane import Envelope

if TYPE_CHECKING:
    from .machine import Machine
    from .star import Star

__all__ = ["Exchange"]

_log = logging.getLogger("hyperverse.lane")
_PROVISION_WAIT = 10.0


class Exchange:
    """What this machine has asked others; what they have asked it goes to :class:`Serving`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.serving = Serving(machine)
        self._numbers = itertools.count(1)
        self._pending: dict[int, tuple[asyncio.Future[Any], str]] = {}

    # -- asking -------------------------------------------------------------------------------------------

    async def _request(self, star: str, origin: str, payload: bytes, *, priority: int, limit: float | None) -> Any:
        """Sends a frame and waits for what comes back; None when ``limit`` (seconds) passes first."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = self.loop.create_future()
        lane = self.machine.switchboard.send(star, number, origin, payload, priority=priority)
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

    async def ask(self, far: Far, wave: Ping) -> Pong:
        """Sends a Ping to a far star. Raises NotHostedHere when the particle does not live there, Unavailable when
        it surely did not leave."""
        now = self.loop.time()
        handling = wave.handling
        limit = (wave.deadline - now) / (handling.retries + 1) if handling.retries else None
        payload = encode_ping(wave, now)
        origin = self.machine.machine_star.text
        reply = await self._request(far.text, origin, payload, priority=handling.priority, limit=limit)
        if reply is None:
            body = {"error": f"{wave.to.text!r} at {far.text} did not answer in time"}
            return Pong(408, body, wave.to, Outcome.UNKNOWN, wave.id, remote=True)
        if isinstance(reply, HyperverseError):
            lost = Pong.failure(reply, Outcome.UNKNOWN)
            lost.sender, lost.id, lost.remote = wave.to, wave.id, True
            return lost
        assert isinstance(reply, Pong)
        if reply.status == 421:
            raise NotHostedHere(reply.error)
        reply.remote = True
        reply.hops = wave.hops
        return reply

    def tell(self, far: Far, wave: Directed) -> None:
        """Sends a Signal to a far star. Raises Unavailable."""
        assert isinstance(wave, Signal)
        payload = encode_signal(wave, self.loop.time())
        self.machine.switchboard.send(far.text, 0, "", payload, priority=wave.handling.priority)

    async def spread(self, place: Place, wave: Ripple, points: list[Point]) -> list[Echo]:
        """Sends one Ripple to recipients that live in one far star; an echo for each, whatever happens."""
        star = place.star.text
        own = self.machine.machine_star
        wave_hops = own.distances.get(star, 0)
        try:
            payload = encode_part(wave, points, self.loop.time())
            reply = await self._request(
                star, own.text, payload, priority=wave.handling.priority, limit=wave.deadline - self.loop.time()
            )
            if isinstance(reply, HyperverseError):
                raise reply
        except HyperverseError as exc:
            lost = Pong.failure(exc, Outcome.UNKNOWN)
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
        origin = self.machine.machine_star.text
        reply = await self._request(text, origin, payload, priority=1, limit=_PROVISION_WAIT)
        if reply is None:
            raise Unavailable(f"{text} did not answer when it was to take {record.point.text!r}", retry_after=0.5)
        if isinstance(reply, HyperverseError):
            raise reply
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

    def take(self, star: Star, envelope: Envelope) -> None:
        """An envelope for a star of this machine. Raises ProtocolError when what is in it is none of ours."""
        message: Message = decode(bytes(envelope.payload), self.loop.time())
        if envelope.origin or isinstance(message, Signal):
            self.serving.serve(star, envelope, message)
        elif isinstance(message, Pong | Echoes | Assigned):
            self._settle(envelope.number, message)  # one that came too late finds nobody, and that is fine
        else:
            raise ProtocolError(f"{type(message).__name__} is no answer")

    def bounce(self, envelope: Envelope, status: int, error: str) -> None:
        """An envelope cannot go on from here: whoever sent it is told."""
        if envelope.origin:
            self.serving.answer(envelope, Pong(status, {"error": error}, outcome=Outcome.REJECTED))

    def undelivered(self, envelope: Envelope, cause: str) -> None:
        """A request of this machine has waited for a lane in vain: it surely did not run."""
        key = StarKey.parse(envelope.origin)
        error = {"error": f"there is no lane to {envelope.star}: {cause}"}
        if key in self.machine.stars:
            self._settle(envelope.number, Pong(503, error, outcome=Outcome.REJECTED))
        else:
            self.bounce(envelope, 503, error["error"])

    def lane_lost(self, machine: str, cause: str) -> None:
        """What was sent over a lane may have run or not."""
        for number, (_, lane) in list(self._pending.items()):
            if lane == machine:
                self._settle(number, Unavailable(f"the lane to machine {machine!r} was lost: {cause}", retry_after=0.2))

    async def close(self) -> None:
        """Ends what waits."""
        for number in list(self._pending):
            self._settle(number, Unavailable("this machine is stopping"))
