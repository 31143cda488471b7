"""Binds: the routes that particles name, read from where they are and compiled once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ...errors import BadRequest, HyperverseError, ParseError
from ...scheduling.single_flight import SingleFlight
from ...universe.address.point import Point
from ...universe.kind_defs.property_pattern import is_bind_text
from ...universe.routing.bind import BindConfig
from ...universe.waves.wave import Method, Ping
from ..transit.remote_star import RemoteStar
from .local_sender import send_ping

if TYPE_CHECKING:
    from ..machine import Machine
    from ..particles.active import Active

__all__ = ["Binds", "UnreadBind"]

_READ = Method.parse("Cmd<Read>")
_KEPT = 1024
_FOR_GOOD = 1e9


@attrs.frozen
class UnreadBind:
    """A bind that a particle names and that nobody has needed yet: its text, or the point that has it."""

    source: str

    @property
    def inline(self) -> bool:
        """Whether ``source`` is the bind itself."""
        return is_bind_text(self.source)


class Binds:
    """Compiled binds, by where they come from. Dropped when the particle that has one changes.

    Wherever that particle lives, the star that hosts it is told to put its states into the change feed.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._kept: dict[str, BindConfig] = {}
        self._sources: set[str] = set()  # points from which something was read since they last changed
        self._lookup: SingleFlight[tuple[Active, str], BindConfig] = SingleFlight(self._find, self._keep)

    def __contains__(self, source: str) -> bool:
        return source in self._sources

    async def get(self, live: Active, unread: UnreadBind) -> BindConfig:
        """The bind that ``live`` names, in turn. Raises BadRequest that says where it is wrong, or why it cannot be
        read."""
        key = (live, unread.source)
        known = self._kept.get(unread.source)
        if known is not None and key not in self._lookup:
            live.bind = known
            return known
        return await self._lookup.get(key)

    async def _find(self, key: tuple[Active, str]) -> BindConfig:
        live, source = key
        text = source if UnreadBind(source).inline else await self._read(live, source)
        try:
            return BindConfig.parse(text)
        except ParseError as exc:
            raise BadRequest(f"the bind of {live.text!r} is wrong: {exc.told}", hint=exc.hint) from exc

    def _keep(self, key: tuple[Active, str], bind: BindConfig) -> None:
        live, source = key
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[source] = bind
        if live.bind == UnreadBind(source):
            live.bind = bind

    async def _read(self, live: Active, source: str) -> str:
        point = Point.parse(source)
        self._sources.add(point.text)  # before anything else: a change from here on makes stale what is read
        try:
            await self._watch(point)
        except HyperverseError as exc:
            raise _unreadable(live, source, exc.message) from exc
        star = live.star
        wave = Ping(point, _READ, sender=live.point, agent=live.point)
        wave.deadline = star.loop.time() + wave.handling.wait
        wave.id, wave.origin = star.new_id(), star.text
        reply = await send_ping(star, wave)
        body = reply.body
        if reply.ok and isinstance(body, bytes):
            body = body.decode(errors="replace")
        if reply.ok and isinstance(body, str):
            return body
        raise _unreadable(live, source, reply.error or f"it is {type(body).__name__}, not a text")

    async def _watch(self, point: Point) -> None:
        """The states of the particle go into the change feed from now on, until it moves: that is in the feed itself.
        Raises what keeps it from being found or its star from being told."""
        from ..particles.active import Active as Here
        from .star_requests import ask_star

        place = await self._machine.gravity.locate(point)
        if isinstance(place, Here):
            place.watched_until = float("inf")
        elif isinstance(place, RemoteStar):
            own = self._machine.machine_star
            body = {"watches": [[point.text, "State", own.point.text]], "seconds": _FOR_GOOD}
            (await ask_star(own, place.key, "Hyp<State>", body)).unwrap()

    def drop(self, point: Point) -> None:
        """The particle at ``point`` has changed."""
        if point.text not in self._sources:
            return
        self._sources.remove(point.text)
        self._lookup.forget_all()
        self._kept.pop(point.text, None)
        for star in self._machine.stars.values():
            for live in star.hosting.live.values():
                own = live.record.properties.get("bind")
                if own is not None and own.value == point.text:
                    live.bind = UnreadBind(point.text)

    def clear(self) -> None:
        """Anything may have changed."""
        self._lookup.forget_all()
        for source in tuple(self._sources):
            self.drop(Point.parse(source))

    async def close(self) -> None:
        """Ends what is being read."""
        await self._lookup.close()


def _unreadable(live: Active, source: str, why: str) -> BadRequest:
    return BadRequest(f"the bind of {live.text!r} cannot be read from {source!r}: {why}")
