"""Requests of this machine to the stars of others."""

from __future__ import annotations

import asyncio
from typing import Any

from ...contracts.registry import Assignment, ParticleRecord
from ...errors import HyperverseError, NotHostedHere, ProtocolError, TimedOut, Unavailable, error_for_status
from ...protocol.codec import encode_part, encode_ping, encode_provision_request, encode_signal
from ...protocol.messages import Echoes, ProvisionReply, ProvisionRequest
from ...protocol.repeats import NoAnswer
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from ..cluster.directory import Directory
from ..cluster.directory_reader import DirectoryReader
from ..interception.cut_waves import mark_told
from ..stars.star import Star
from .pending import PendingAnswers
from .remote_star import RemoteStar
from .switchboard import Switchboard

__all__ = ["Requests"]

_PROVISION_WAIT = 10.0


class Requests:
    """Sends frames that need an answer, and waits for the answers.

    Args:
        board: sends frames over the lanes.
        pending: receives the answers.
        directory: the announced stars.
        reader: finds out whether a silent star has left.
        home: the star that represents this machine; answers go there.
    """

    def __init__(
        self,
        board: Switchboard,
        pending: PendingAnswers,
        directory: Directory,
        reader: DirectoryReader,
        home: Star,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._board = board
        self._pending = pending
        self._incarnations = directory.incarnations
        self._reader = reader
        self._home = home
        self._origin = home.text

    async def _request(self, star: str, payload: bytes, *, priority: int, limit: float | None) -> Any:
        """Sends a frame and waits for the answer; returns None if ``limit`` (seconds) passes first."""
        number = next(self._pending.numbers)
        lane = self._board.send(star, number, self._origin, payload, priority=priority)
        future = self._pending.add(number, lane, self.loop.time(), star)
        timer = None
        if limit is not None:
            timer = self.loop.call_later(limit, self._pending.settle, number, None)
        try:
            return await future
        except BaseException as exc:  # it was cut: an answer that has come is entered no more
            self._pending.remove(number)
            mark_told(exc)  # whether it has reached a handler, the other machine tells
            raise
        finally:
            if timer is not None:
                timer.cancel()

    async def ask(self, remote: RemoteStar, wave: Directed, only: int = 0) -> Pong:
        """Sends a Ping to a remote star. Raises NotHostedHere if the particle does not live there, and Unavailable if
        the wave certainly was not sent. A missing answer is returned as a :class:`NoAnswer`.

        Args:
            remote: the star.
            wave: the Ping.
            only: the incarnation of the star that got this Ping before, if the Ping is repeated. Another incarnation
                answers that the outcome is unknown. 0 for a Ping that was not sent before.
        """
        assert isinstance(wave, Ping)
        incarnation = only or self._incarnations[remote.text]
        loop, handling = self.loop, wave.handling
        number = next(self._pending.numbers)
        try:
            now = loop.time()
            payload = encode_ping(wave, now)
            lane = self._board.send(
                remote.text, number, self._origin, payload, priority=handling.priority, incarnation=only
            )
        except Unavailable as exc:
            # a repeated wave may have run there before the star left
            if not only and await self._reader.has_left(remote.key, incarnation):
                raise NotHostedHere(f"{remote.text} has left the Hyperverse") from exc
            raise
        future = self._pending.add(number, lane, now, remote.text)
        timer = None
        if handling.retries:
            timer = loop.call_later(_share(wave, loop.time()), self._pending.settle, number, None)
        try:
            reply = await future
        except BaseException as exc:  # it was cut: an answer that has come is entered no more
            self._pending.remove(number)
            mark_told(exc)  # whether it has reached a handler, the other machine tells
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if type(reply) is not Pong:
            return _no_answer(reply, remote.text, incarnation, wave)
        if reply.status == NotHostedHere.status and reply.outcome is Outcome.REJECTED:
            raise NotHostedHere(reply.error)
        if not reply.id:  # a refusal on the way, by a machine that did not open the envelope
            reply.id, reply.sender = wave.id, wave.to
        reply.remote = True
        reply.hops = wave.hops
        return reply

    def tell(self, remote: RemoteStar, wave: Directed) -> None:
        """Sends a Signal to a remote star. Raises Unavailable."""
        assert isinstance(wave, Signal)
        payload = encode_signal(wave, self.loop.time())
        self._board.send(remote.text, 0, "", payload, priority=wave.handling.priority)

    async def spread(self, star: str, wave: Ripple, points: list[Point]) -> list[Echo]:
        """Sends one Ripple to recipients in one remote star; returns an echo for each recipient in any case."""
        hops = self._home.distances[star]
        reply: Any = None
        try:
            payload = encode_part(wave, points, self.loop.time())
            reply = await self._request(
                star, payload, priority=wave.handling.priority, limit=wave.deadline - self.loop.time()
            )
            _raise(reply)
        except HyperverseError as exc:
            lost = Pong.failure(exc, Outcome.UNKNOWN if exc is reply else Outcome.REJECTED)
            return [Echo(lost.status, lost.body, p, lost.outcome, wave.id, star, hops, True) for p in points]
        if reply is None:
            return []  # the gatherer reports which recipients did not answer
        if not isinstance(reply, Echoes):
            lost = Pong.failure(_wrong(star, reply, "a Ripple"), Outcome.UNKNOWN)
            return [Echo(lost.status, lost.body, p, lost.outcome, wave.id, star, hops, True) for p in points]
        for echo in reply.echoes:
            echo.remote, echo.hops = True, hops
        return reply.echoes

    async def provision(self, star: StarKey, record: ParticleRecord, expected: Assignment | None) -> None:
        """Asks a star of another machine to adopt a particle. Raises Conflict, NotHostedHere, NoDriver or
        Unavailable."""
        text = str(star)
        payload = encode_provision_request(ProvisionRequest("", star, record.point, expected))
        reply = await self._request(text, payload, priority=1, limit=_PROVISION_WAIT)
        if reply is None:
            raise Unavailable(f"{text} did not answer a request to adopt {record.point.text!r}", retry_after=0.5)
        _raise(reply)
        if not isinstance(reply, ProvisionReply):
            raise _wrong(star=text, reply=reply, asked=f"whether it adopts {record.point.text!r}")
        if reply.status != 200:
            raise error_for_status(reply.status, reply.error, hint=reply.hint)


def _share(wave: Ping, now: float) -> float:
    """Returns the seconds that one of several attempts may take."""
    return (wave.deadline - now) / (wave.handling.retries + 1)


def _no_answer(reply: object, star: str, incarnation: int, wave: Ping) -> NoAnswer:
    """Returns the reply for the sender when there was no answer."""
    if reply is None:
        reply = TimedOut(f"{wave.to.text!r} at {star} did not answer in time")
    elif not isinstance(reply, HyperverseError):
        reply = _wrong(star, reply, "a Ping")
    body = {"error": reply.message}
    return NoAnswer(
        reply.status, body, wave.to, Outcome.UNKNOWN, wave.id, star, wave.hops, True, incarnation=incarnation
    )


def _wrong(star: str, reply: object, asked: str) -> ProtocolError:
    return ProtocolError(f"{star} answered {asked} with {type(reply).__name__}")


def _raise(reply: object) -> None:
    """Raises the error of a reply that says that the request was not carried out."""
    if isinstance(reply, HyperverseError):
        raise reply
    if isinstance(reply, Pong):
        raise error_for_status(reply.status, reply.error)
