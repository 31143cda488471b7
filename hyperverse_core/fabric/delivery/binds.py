"""Binds: the routes that particles name, read from their sources and compiled once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...contracts.registry import Change, ChangeKind, ParticleRecord
from ...errors import BadRequest, HyperverseError, NotFound, ParseError
from ...scheduling.single_flight import SingleFlight
from ...universe.address.point import Point
from ...universe.routing.bind import BindConfig
from ...universe.waves.origin import Origin
from ...universe.waves.wave import Method, Ping
from ..particles.homes import Homes
from ..particles.resident import Resident
from ..particles.unread_bind import UnreadBind, first_bind
from .outbound import Outbound

__all__ = ["Binds"]

_READ = Method.parse("Cmd<Read>")
_KEPT = 1024
_OPEN = "Bind(version=1.0.0) { Route<*<*>> -> (()) => &; }"
"""Stands in for a Kind's bind that is not registered: all methods reach the particles."""


class Binds:
    """Compiled binds, by source. A bind is dropped when the particle that holds it changes. No other part writes
    ``bind`` of an active particle.

    Args:
        homes: the particles of this machine's stars.
        outbound: sends from the star that represents this machine.
        watch_states: publishes the states of a particle to the change feed, wherever it lives, until it moves. Raises
            the error if the particle cannot be found.
    """

    def __init__(self, homes: Homes, outbound: Outbound, watch_states: Callable[[Point], Awaitable[None]]) -> None:
        self._homes = homes
        self._outbound = outbound
        self._watch_states = watch_states
        star = outbound.star
        self._star_origin = Origin(star.point, star.point, star.text, outbound.ids, star.now)
        self._kept: dict[str, BindConfig] = {}
        self._sources: set[str] = set()  # points that were read since they last changed
        self._lookup: SingleFlight[tuple[Resident, str], tuple[Resident, str], BindConfig] = SingleFlight(
            self._find, self._keep
        )

    async def get(self, active: Resident, unread: UnreadBind) -> BindConfig:
        """Returns the bind that ``active`` names. Raises a BadRequest that says where the bind is wrong, or why it
        cannot be read."""
        key = (active, unread.source)
        known = self._kept.get(unread.source)
        if known is not None and key not in self._lookup:
            active.bind = known
            return known
        return await self._lookup.get(key, key)

    async def _find(self, key: tuple[Resident, str]) -> BindConfig:
        active, source = key
        text = source if UnreadBind(source).inline else await self._read(active, source)
        try:
            return BindConfig.parse(text)
        except ParseError as exc:
            raise BadRequest(f"the bind of {active.text!r} is wrong: {exc.told}", hint=exc.hint) from exc

    def _keep(self, key: tuple[Resident, str], bind: BindConfig) -> None:
        active, source = key
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[source] = bind
        if active.bind == UnreadBind(source):
            active.bind = bind

    async def _read(self, active: Resident, source: str) -> str:
        point = Point.parse(source)
        self._sources.add(point.text)  # first, because a change from now on makes the text stale
        try:
            await self._watch_states(point)
        except HyperverseError as exc:
            if isinstance(exc, NotFound) and _is_of_kind(active, source):
                return _OPEN  # it is not published here; the change feed reports when it is
            raise _unreadable(active, source, exc.message) from exc
        reader = self._star_origin if _is_of_kind(active, source) else active.own_origin()
        wave = reader.wave(Ping, point, _READ, None, {})
        reply = await self._outbound.ask_in_time(wave)
        body = reply.body
        if reply.ok and isinstance(body, bytes):
            body = body.decode(errors="replace")
        if reply.ok and isinstance(body, str):
            return body
        raise _unreadable(active, source, reply.error or f"it is {type(body).__name__}, not a string")

    # -- what changes -------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Drops the binds that were read from the changed particle."""
        if change.kind is not ChangeKind.STAR:
            self._drop(change.point)

    def _drop(self, point: Point) -> None:
        if point.text not in self._sources:
            return
        self._sources.remove(point.text)
        self._lookup.forget_all()
        self._kept.pop(point.text, None)
        for hosting in self._homes.values():
            for active in hosting.active.values():
                own = active.record.properties.get("bind")
                if own is not None and own.value == point.text:
                    active.bind = UnreadBind(point.text)

    def lost(self) -> None:
        """Drops everything, because anything may have changed."""
        self._lookup.forget_all()
        for source in tuple(self._sources):
            self._drop(Point.parse(source))

    def renewed(self, active: Resident, before: ParticleRecord) -> None:
        """Drops the bind of a particle whose record changed, because it may now name another bind."""
        if active.record.properties.get("bind") != before.properties.get("bind"):
            active.bind = first_bind(active.record, active.served.bind)

    async def close(self) -> None:
        """Ends reads in progress."""
        await self._lookup.close()


def _is_of_kind(active: Resident, source: str) -> bool:
    """Whether the Kind names one source for the binds of all its particles. If so, the machine reads it, because nobody
    can redirect it, and the particles need no rights there."""
    declared = active.served.kind.properties.get("bind")
    return declared is not None and declared.constant and declared.default == source


def _unreadable(active: Resident, source: str, why: str) -> BadRequest:
    return BadRequest(f"the bind of {active.text!r} cannot be read from {source!r}: {why}")
