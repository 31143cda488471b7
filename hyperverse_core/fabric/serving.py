"""Serving: what other machines ask of the stars of this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..errors import HyperverseError, NotHostedHere, ProtocolError, Unavailable
from ..universe.point import Point
from ..universe.wave import Directed, Echo, Ping, Pong, Ripple, Signal
from .context import timed_out
from .deadline import Deadline
from .recent import Recent
from .spread import gather_here
from .wire import (
    Assigned,
    Message,
    Provision,
    encode_assigned,
    encode_echoes,
    encode_pong,
)
from .wire_lane import Envelope

if TYPE_CHECKING:
    from .live import Live
    from .machine import Machine
    from .star import Star

__all__ = ["Serving"]

_log = logging.getLogger("hyperverse.lane")


class Serving:
    """Handles the requests of other machines, each in the task of a worker of the crew."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.recent = Recent()
        self._jobs: dict[type, Callable[..., Coroutine[Any, Any, None]]] = {
            Ping: self._ping,
            Signal: self._signal,
            Ripple: self._part,
            Provision: self._provision,
        }

    def serve(self, star: Star, envelope: Envelope, message: Message) -> None:
        """Plans the handling of one request."""
        job = self._jobs.get(type(message))
        try:
            if job is None:
                raise ProtocolError(f"{type(message).__name__} is nothing to ask of a star")
            if not self.machine.may_serve():
                raise NotHostedHere(f"{star.text} has lost its lease")
            self.machine.crew.put(job, star, envelope, message)
        except HyperverseError as exc:
            self.answer(envelope, Pong.failure(exc))

    def answer(self, envelope: Envelope, reply: Pong) -> None:
        """Sends a reply to whoever sent ``envelope``."""
        if not envelope.origin:
            return
        try:
            payload = encode_pong(reply)
        except HyperverseError as exc:
            payload = encode_pong(Pong.failure(exc))
        self._send(envelope, payload)

    def _send(self, envelope: Envelope, payload: bytes) -> None:
        try:
            self.machine.switchboard.send(envelope.origin, envelope.number, "", payload, priority=2)
        except HyperverseError as exc:
            _log.warning("an answer for %s is lost: %s", envelope.origin, exc)

    @staticmethod
    def _find(star: Star, wave: Directed) -> Live:
        live = star.hosting.live.get(wave.to.text)
        if live is None or live.gone:
            raise NotHostedHere(f"{wave.to.text!r} does not live in {star.text}")
        return live

    async def _ping(self, star: Star, envelope: Envelope, wave: Ping) -> None:
        key = ""
        if wave.handling.retries:
            key = f"{wave.id} {wave.to.text} {wave.hops}"
            first = self.recent.first(key)
            if first is not None:
                try:
                    self.answer(envelope, await asyncio.shield(first))
                except asyncio.CancelledError:
                    if not first.cancelled():
                        raise
                    self.answer(envelope, Pong.failure(Unavailable("the first try was not taken", retry_after=0.05)))
                return
        reply = await self._handle(star, wave)
        if key:
            self.recent.settle(key, None if reply.outcome == "rejected" else reply)
        self.answer(envelope, reply)

    async def _handle(self, star: Star, wave: Ping) -> Pong:
        with Deadline(self.loop, wave.deadline):
            try:
                return await self._find(star, wave).receive(wave)
            except HyperverseError as exc:
                return star.refusal(wave, exc)
        return timed_out(wave, wave.handling.wait)

    async def _signal(self, star: Star, envelope: Envelope, wave: Signal) -> None:
        try:
            await self._find(star, wave).accept(wave)
        except NotHostedHere:
            # it has moved while it was under way: from here it is sent on
            reply = await star.notify(wave)
            if not reply.ok:
                _log.warning("signal %s to %s: %s", wave.method, wave.to, reply.error, extra={"wave": wave.id})
        except HyperverseError as exc:
            _log.warning("signal %s to %s: %s", wave.method, wave.to, exc, extra={"wave": wave.id})

    async def _part(self, star: Star, envelope: Envelope, wave: Ripple) -> None:
        points = wave.recipients
        assert isinstance(points, tuple)
        left = wave.deadline - self.loop.time()
        wave.deadline -= min(0.05, left / 10)  # so that a partial answer is back in time
        echoes: list[Echo] = await gather_here(star, wave, list(points))
        self._send(envelope, encode_echoes(wave.id, echoes))

    async def _provision(self, star: Star, envelope: Envelope, message: Provision) -> None:
        try:
            record = await self.machine.registry.record(message.point)
            live = await star.hosting.adopt(record, message.expected)
            reply = Assigned(message.id, live.assignment)
            self._settle_place(message.point, live)
        except HyperverseError as exc:
            reply = Assigned(message.id, None, exc.status, exc.message, exc.hint)
        self._send(envelope, encode_assigned(reply))

    def _settle_place(self, point: Point, live: Live) -> None:
        self.machine.gravity.places[point.text] = live
