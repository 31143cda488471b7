"""A Star: the virtual node that particles live in and waves start from.

It finds where a wave has to go and hands it over: to a particle of this machine by a direct call, to any other
through the exchange.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...errors import HyperverseError, InternalError, NotHostedHere, Unavailable
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from ..particles.hosting import Hosting
from .fan_out import spread
from .gate import Field
from .retry import may_repeat, repeat

if TYPE_CHECKING:
    from ..machine import Machine
    from ..particles.active import Active
    from ..stars.star_kind import StarKind

__all__ = ["Star"]

_log = logging.getLogger("hyperverse.star")
_OK = Outcome.OK
_PAUSES = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.25)
"""Seconds before each further look for a particle that has left."""


_IN_A_ROW = 127
"""After so many waves from a star (a power of two less one) the event loop gets a turn: a handler that asks again and
again is never made to wait, and would keep timers, leases and everybody else from theirs."""


class Star:
    """One star of this machine.

    Attributes:
        key, text, point: its name, as a value, as text, and the point of its own particle.
        kind: what stars of its kind do.
        hosting: the particles that live in it.
        field: who may reach them, and by which way.
        links: which stars it has lanes to: names, names with index, or whole keys.
        distances: lanes to every star that can be reached, by the text of its key.
        serve_until: time of the loop at which its lease may have ended: nothing that lives here answers then.
    """

    def __init__(self, machine: Machine, key: StarKey, kind: StarKind, links: tuple[str, ...]) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.key = key
        self.text = str(key)
        self.point: Point = Point.of_star(key)
        self.kind = kind
        self.links = links
        self.incarnation = 0
        self.distances: dict[str, int] = {}
        self.serve_until = 0.0
        self.asked = 0
        self.hosting = Hosting(self)
        self.field = Field(self)
        self.new_id = machine.new_id
        self.deadlines = machine.deadlines
        self._places = machine.gravity.places

    async def ask(self, wave: Ping) -> Pong:
        """Sends a Ping on its way and returns what comes back; never raises a HyperverseError."""
        place = self._places.get(wave.to.text)
        try:
            if place is None:
                place = await self.machine.gravity.locate(wave.to)
            if place.star is not self:
                wave.hops += self.distances.get(place.star.text, 0)
            reply = await place.receive(wave)
        except HyperverseError as exc:
            reply = await self.find_again(wave, exc)
        if wave.handling.retries and may_repeat(reply):
            reply = await repeat(self, wave, reply)
        self.asked += 1
        if not self.asked & _IN_A_ROW:
            await asyncio.sleep(0)
        return reply

    async def find_again(self, wave: Ping, error: HyperverseError) -> Pong:
        """A wave was not taken. If its particle has moved, it is found again; everything else is an answer."""
        for pause in _PAUSES:
            if not isinstance(error, NotHostedHere):
                break
            if pause:
                await asyncio.sleep(pause)  # it is being let go, and the registry does not say so yet
            self.machine.gravity.forget(wave.to)
            try:
                place = await self.machine.gravity.locate(wave.to)
                return await place.receive(wave)
            except HyperverseError as exc:
                error = exc
        if isinstance(error, NotHostedHere):
            error = Unavailable(f"{wave.to.text!r} was not found where it lives: {error.message}", retry_after=0.5)
        return self.refusal(wave, error)

    def check_lease(self, live: Active) -> None:
        """Raises Unavailable when this star's lease may be over: the particle may live elsewhere by now. Those that
        the registry does not place live nowhere else."""
        if live.assignment is not None and self.loop.time() >= self.serve_until:
            raise Unavailable(
                f"{self.text} cannot renew its lease, so {live.text!r} does not answer here", retry_after=0.5
            )

    def refusal(self, wave: Directed, error: HyperverseError) -> Pong:
        """The reply to a wave that did not reach a handler."""
        if isinstance(error, InternalError):
            _log.error("%s to %s: %s", wave.method, wave.to, error, exc_info=error, extra={"wave": wave.id})
        reply = Pong.failure(error)
        reply.sender = wave.to
        reply.id = wave.id
        reply.star = self.text
        reply.hops = wave.hops
        return reply

    async def notify(self, wave: Signal) -> Pong:
        """Sends a Signal on its way. Returns 202, or why it was refused."""
        place = self._places.get(wave.to.text)
        try:
            if place is None:
                place = await self.machine.gravity.locate(wave.to)
            if place.star is not self:
                wave.hops += self.distances.get(place.star.text, 0)
            try:
                rest = place.accept(wave)
                if rest is not None:
                    await rest
            except NotHostedHere:
                self.machine.gravity.forget(wave.to)
                place = await self.machine.gravity.locate(wave.to)
                rest = place.accept(wave)
                if rest is not None:
                    await rest
        except HyperverseError as exc:
            return self.refusal(wave, exc)
        self.asked += 1
        if not self.asked & _IN_A_ROW:
            await asyncio.sleep(0)
        return Pong(202, None, wave.to, _OK, wave.id, place.star.text, wave.hops, place.remote)

    async def spread(self, wave: Ripple) -> list[Echo]:
        """Sends a Ripple to all its recipients and gathers the echoes. Raises HyperverseError only when it cannot
        tell who they are."""
        return await spread(self, wave)
