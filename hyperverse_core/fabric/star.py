"""A Star: the virtual node that particles live in and waves start from.

It finds where a wave has to go and hands it over: to a particle of this machine by a direct call, to any other
through the exchange.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..errors import HyperverseError, InternalError, NotHostedHere
from ..universe.point import Point
from ..universe.star_key import StarKey
from ..universe.wave import Directed, Echo, Outcome, Ping, Pong, Ripple, Signal
from .field import Field
from .hosting import Hosting
from .spread import spread

if TYPE_CHECKING:
    from .machine import Machine
    from .star_kind import StarKind

__all__ = ["Star"]

_log = logging.getLogger("hyperverse.star")
_AGAIN = frozenset({408, 421, 503})
_MOVES = 8


class Star:
    """One star of this machine.

    Attributes:
        key, text, point: its name, as a value, as text, and the point of its own particle.
        kind: what stars of its kind do.
        hosting: the particles that live in it.
        field: who may reach them, and by which way.
        links: which stars it has lanes to: names, names with index, or whole keys.
        distances: lanes to every star that can be reached, by the text of its key.
    """

    def __init__(self, machine: Machine, key: StarKey, kind: StarKind, links: tuple[str, ...]) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.key = key
        self.text = str(key)
        self.point: Point = key.point
        self.kind = kind
        self.links = links
        self.incarnation = 0
        self.distances: dict[str, int] = {}
        self.hosting = Hosting(self)
        self.field = Field(self)
        self.new_id = machine.new_id
        self._places = machine.gravity.places

    async def ask(self, wave: Ping) -> Pong:
        """Sends a Ping on its way and returns what comes back; never raises a HyperverseError."""
        place = self._places.get(wave.to.text)
        try:
            if place is None:
                place = await self.machine.gravity.locate(wave.to)
            if place.star is not self:
                wave.hops = self.distances.get(place.star.text, 0)
            reply = await place.receive(wave)
        except HyperverseError as exc:
            reply = await self._not_taken(wave, exc)
        if wave.handling.retries and reply.status in _AGAIN:
            return await self._repeat(wave, reply)
        return reply

    async def _not_taken(self, wave: Ping, error: HyperverseError) -> Pong:
        """The particle has moved: find it again. Everything else is an answer."""
        moves = 0
        while isinstance(error, NotHostedHere) and moves < _MOVES:
            moves += 1
            self.machine.gravity.forget(wave.to)
            try:
                place = await self.machine.gravity.locate(wave.to)
                return await place.receive(wave)
            except HyperverseError as exc:
                error = exc
        return self.refusal(wave, error)

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

    async def _repeat(self, wave: Ping, reply: Pong) -> Pong:
        """Sends it again, with pauses that grow, as often as its Handling says and its deadline allows."""
        pause = 0.01
        for attempt in range(2, wave.handling.retries + 2):
            await asyncio.sleep(pause * (0.5 + self.machine.chance.random()))
            pause = min(pause * 4, 1.0)
            try:
                place = await self.machine.gravity.locate(wave.to)
                reply = await place.receive(wave)
            except HyperverseError as exc:
                reply = await self._not_taken(wave, exc)
            reply.attempts = attempt
            if reply.status not in _AGAIN:
                break
        return reply

    async def notify(self, wave: Signal) -> Pong:
        """Sends a Signal on its way. Returns 202, or why it was refused."""
        place = self._places.get(wave.to.text)
        try:
            if place is None:
                place = await self.machine.gravity.locate(wave.to)
            if place.star is not self:
                wave.hops = self.distances.get(place.star.text, 0)
            try:
                await place.accept(wave)
            except NotHostedHere:
                self.machine.gravity.forget(wave.to)
                place = await self.machine.gravity.locate(wave.to)
                await place.accept(wave)
        except HyperverseError as exc:
            return self.refusal(wave, exc)
        return Pong(202, None, wave.to, Outcome.OK, wave.id, place.star.text, wave.hops, place.remote)

    async def spread(self, wave: Ripple) -> list[Echo]:
        """Sends a Ripple to all its recipients and gathers the echoes. Raises HyperverseError only when it cannot
        tell who they are."""
        return await spread(self, wave)
