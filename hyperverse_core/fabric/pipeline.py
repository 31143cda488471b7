"""Pipelines: the way that a bind has for a wave, stop by stop (universe 6.3).

What leaves a pipeline towards another particle keeps the id, headers, agent and scope of the wave, so that the
policy of the next stop decides about the one who asked, and a trace can be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from ..errors import BadRequest, HyperverseError, LoopDetected, NotFound, ParseError, ProtocolError
from ..universe.bind import BindConfig, Selected
from ..universe.env import Env
from ..universe.pipeline import Step
from ..universe.point import Point
from ..universe.property_pattern import is_bind_text
from ..universe.stop import Call, CoreStop, PointStop, ReflectStop
from ..universe.wave import Body, Directed, Method, MethodKind, Outcome, Ping, Pong, Signal
from .local_sender import send_ping
from .lookup import Lookup

if TYPE_CHECKING:
    from .live import Live
    from .machine import Machine
    from .star import Star

__all__ = ["Binds", "Unread", "follow"]

_READ = Method.parse("Cmd<Read>")
_KEPT = 1024


@attrs.frozen
class Unread:
    """A bind that a particle names and that nobody has needed yet: its text, or the point that has it."""

    source: str

    @property
    def inline(self) -> bool:
        """Whether ``source`` is the bind itself."""
        return is_bind_text(self.source)


class Binds:
    """Compiled binds, by where they come from. Dropped when the particle that has one changes."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._kept: dict[str, BindConfig] = {}
        self._lookup: Lookup[tuple[Live, str], BindConfig] = Lookup(self._find, self._keep)

    def __contains__(self, source: str) -> bool:
        return source in self._kept

    async def get(self, live: Live, unread: Unread) -> BindConfig:
        """The bind that ``live`` names, in turn. Raises BadRequest that says where it is wrong, or why it cannot be
        read."""
        key = (live, unread.source)
        known = self._kept.get(unread.source)
        if known is not None and key not in self._lookup:
            live.bind = known
            return known
        return await self._lookup.get(key)

    async def _find(self, key: tuple[Live, str]) -> BindConfig:
        live, source = key
        text = source if Unread(source).inline else await self._read(live, source)
        try:
            return BindConfig.parse(text)
        except ParseError as exc:
            raise BadRequest(f"the bind of {live.text!r} is wrong: {exc.told}", hint=exc.hint) from exc

    def _keep(self, key: tuple[Live, str], bind: BindConfig) -> None:
        live, source = key
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[source] = bind
        if live.bind == Unread(source):
            live.bind = bind

    async def _read(self, live: Live, source: str) -> str:
        from .live import Live as Here

        star = live.star
        point = Point.parse(source)
        wave = Ping(point, _READ, sender=live.point, agent=live.point)
        wave.deadline = star.loop.time() + wave.handling.wait
        wave.id, wave.origin = star.new_id(), star.text
        reply = await send_ping(star, wave)
        place = star.machine.gravity.places.get(point.text)
        if isinstance(place, Here):
            place.watched_until = float("inf")  # its state goes into the change feed from now on
        body = reply.body
        if reply.ok and isinstance(body, bytes):
            body = body.decode(errors="replace")
        if reply.ok and isinstance(body, str):
            return body
        why = reply.error or f"it is {type(body).__name__}, not a text"
        raise BadRequest(f"the bind of {live.text!r} cannot be read from {source!r}: {why}")

    def drop(self, point: Point) -> None:
        """The particle at ``point`` has changed."""
        self._lookup.forget_all()
        if self._kept.pop(point.text, None) is None:
            return
        for star in self._machine.stars.values():
            for live in star.hosting.live.values():
                own = live.record.properties.get("bind")
                if own is not None and own.value == point.text:
                    live.bind = Unread(point.text)

    def clear(self) -> None:
        """Anything may have changed."""
        self._lookup.forget_all()
        for source in tuple(self._kept):
            if not Unread(source).inline:
                self.drop(Point.parse(source))

    async def close(self) -> None:
        """Ends what is being read."""
        await self._lookup.close()


async def follow(star: Star, live: Live, wave: Directed) -> Pong | None:
    """Takes ``wave`` through the bind of ``live``. None sends it to the particle as it is."""
    bind = live.bind
    if isinstance(bind, Unread):
        try:
            bind = await star.machine.binds.get(live, bind)
        except HyperverseError:
            if wave.method.kind is MethodKind.CMD:
                return None  # what every particle answers is answered even where the bind cannot be read
            raise
    assert bind is not None
    selected = bind.select(wave.method, wave.path, wave.topic, agent=wave.agent)
    if selected is None:
        if wave.method.kind is MethodKind.CMD:
            return None
        raise NotFound(f"{live.text!r} has no route for {wave.method} {wave.path}", hint="its bind decides that")
    return await _Passage(star, live, wave, selected).run()


class _Passage:
    """One wave on its way through one pipeline."""

    def __init__(self, star: Star, live: Live, wave: Directed, selected: Selected) -> None:
        self.star = star
        self.live = live
        self.wave = wave
        self.steps = selected.pipeline.steps
        self.captures = selected.captures
        self.own: dict[str, str] = {}
        self.body: Body = wave.body
        self.headers: Mapping[str, str] | None = wave.headers
        self.status = 200
        self.answered: Pong | None = None
        source = live.record.properties.get("bind")
        if source is not None and not Unread(source.value).inline:
            at = Point.parse(source.value)
            self.own["self.bind"] = at.text
            bundle = at.to_bundle() if at.has_bundle else None
            if bundle is not None:
                self.own["self.bundle"] = bundle.text

    async def run(self) -> Pong:
        for number, step in enumerate(self.steps, 1):
            self._check(number, step)
            stop = step.stop
            if isinstance(stop, ReflectStop):
                return self._reply(self.body)
            reply = await self._go(stop)
            if reply is None:
                continue  # a Signal: nothing comes back
            if not reply.ok:
                return reply
            self.answered, self.body, self.status = reply, reply.body, reply.status
            if reply.headers:  # what was said of the new body goes before what the sender said
                self.headers = {**(self.headers or {}), **reply.headers}
        return self._reply(None, status=202)

    def _segment(self, name: str) -> str | None:
        """A capture for use in a point. It comes from whoever asks, who must not get to choose how deep it leads."""
        value = self.captures.get(name)
        if value is not None and ":" in value:
            raise BadRequest(f"{value!r} cannot be a segment of a point", hint="a segment has no ':'")
        return value

    def _check(self, number: int, step: Step) -> None:
        if step.accepts(self.body):
            return
        said = f"step {number} of the pipeline of {self.live.text!r} takes {step.pattern}, not this body"
        raise ProtocolError(said) if self.answered is not None else BadRequest(said)

    async def _go(self, stop: CoreStop | PointStop | Call) -> Pong | None:
        wave = self.wave
        if isinstance(stop, CoreStop):
            inward = self._request(self.live.point, wave.method, wave.path)
            if isinstance(inward, Signal):
                await self.live.accept_core(inward)
                return None
            return await self.live.core(inward)
        env = Env(working=self.live.point, variables=self.own, resolvers=(self._segment,))
        point = stop.point.resolve(env)
        limit = self.star.machine.config.limits.hops
        if wave.hops >= limit:
            raise LoopDetected(f"{wave.method} has passed {limit} binds and lanes, the last is {self.live.text!r}")
        method, path = wave.method, wave.path
        if isinstance(stop, Call):
            method, path = (
                stop.method,
                stop.resolve_path(Env(working=self.live.point, variables={**self.captures, **self.own})),
            )
        request = self._request(point, method, path)
        request.hops += 1
        if isinstance(request, Signal):
            reply = await self.star.notify(request)
            return None if reply.ok else reply
        assert isinstance(request, Ping)
        return await self.star.ask(request)

    def _request(self, to: Point, method: Method, path: str) -> Ping | Signal:
        w = self.wave
        kind = Signal if isinstance(w, Signal) else Ping
        return kind(
            to,
            method,
            self.body,
            path,
            self.headers,
            w.sender,
            w.agent,
            w.scope,
            w.handling,
            w.deadline,
            w.chain,
            w.hops,
            w.id,
            w.topic,
            w.origin,
        )

    def _reply(self, body: Body, *, status: int | None = None) -> Pong:
        last = self.answered
        reply = Pong(status or self.status, body, self.live.point, Outcome.OK, self.wave.id, self.star.text)
        reply.headers = last.headers if last is not None else None
        reply.hops = max(self.wave.hops, last.hops if last else 0)
        reply.remote = last.remote if last else False
        return reply
