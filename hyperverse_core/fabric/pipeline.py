"""Pipelines: the way that a bind has for a wave, stop by stop (universe 6.3).

What leaves a pipeline towards another particle keeps the id, headers, agent and scope of the wave, so that the
policy of the next stop decides about the one who asked, and a trace can be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from ..errors import BadRequest, LoopDetected, NotFound, ParseError, ProtocolError
from ..universe.bind import BindConfig, Selected
from ..universe.env import Env
from ..universe.pipeline import Step
from ..universe.point import Point
from ..universe.stop import Call, CoreStop, PointStop, ReflectStop
from ..universe.wave import Body, Directed, Method, MethodKind, Outcome, Ping, Pong, Signal

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
        return self.source.lstrip().startswith(("Bind", "#"))


class Binds:
    """Compiled binds, by where they come from. Dropped when the particle that has one changes."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._kept: dict[str, BindConfig] = {}

    async def get(self, star: Star, live: Live, unread: Unread) -> BindConfig:
        """The bind that ``live`` names. Raises BadRequest that says where it is wrong, or why it cannot be read."""
        known = self._kept.get(unread.source)
        if known is not None:
            return known
        text = unread.source if unread.inline else await self._read(star, live, unread.source)
        try:
            bind = BindConfig.parse(text)
        except ParseError as exc:
            raise BadRequest(f"the bind of {live.text!r} is wrong: {exc}") from exc
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[unread.source] = bind
        return bind

    async def _read(self, star: Star, live: Live, source: str) -> str:
        deadline = star.loop.time() + 15.0
        wave = Ping(Point.parse(source), _READ, sender=live.point, agent=live.point, deadline=deadline)
        wave.id, wave.origin = star.new_id(), star.text
        reply = await star.ask(wave)
        body = reply.body
        if reply.ok and isinstance(body, bytes):
            body = body.decode(errors="replace")
        if reply.ok and isinstance(body, str):
            return body
        why = reply.error or f"it is {type(body).__name__}, not a text"
        raise BadRequest(f"the bind of {live.text!r} cannot be read from {source!r}: {why}")

    def drop(self, point: Point) -> None:
        """The particle at ``point`` has changed."""
        if self._kept.pop(point.text, None) is None:
            return
        for star in self._machine.stars.values():
            for live in star.hosting.live.values():
                own = live.record.properties.get("bind")
                if own is not None and own.value == point.text:
                    live.bind = Unread(point.text)

    def clear(self) -> None:
        """Anything may have changed."""
        self._kept.clear()


async def follow(star: Star, live: Live, wave: Directed) -> Pong | None:
    """Takes ``wave`` through the bind of ``live``. None sends it to the particle as it is."""
    bind = live.bind
    if isinstance(bind, Unread):
        bind = await star.machine.binds.get(star, live, bind)
        live.bind = bind
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
        self.variables = dict(selected.captures)
        self.body: Body = wave.body
        self.headers: Mapping[str, str] | None = wave.headers
        self.status = 200
        self.answered: Pong | None = None
        source = live.record.properties.get("bind")
        if source is not None and not Unread(source.value).inline:
            at = Point.parse(source.value)
            self.variables["self.bind"] = at.text
            bundle = at.to_bundle() if at.has_bundle else None
            if bundle is not None:
                self.variables["self.bundle"] = bundle.text

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
            self.headers = reply.headers
        return self._reply(None, status=202)

    def _check(self, number: int, step: Step) -> None:
        if step.accepts(self.body):
            return
        said = f"step {number} of the pipeline of {self.live.text!r} takes {step.pattern}, not this body"
        raise ProtocolError(said) if self.answered is not None else BadRequest(said)

    async def _go(self, stop: CoreStop | PointStop | Call) -> Pong | None:
        wave = self.wave
        if isinstance(stop, CoreStop):
            return await self.live.core(self._request(self.live.point, wave.method, wave.path))
        point = stop.point.resolve(Env(working=self.live.point, variables=self.variables))
        limit = self.star.machine.config.limits.hops
        if wave.hops >= limit:
            raise LoopDetected(f"{wave.method} has passed {limit} binds and lanes, the last is {self.live.text!r}")
        method, path = wave.method, wave.path
        if isinstance(stop, Call):
            method, path = stop.method, stop.path_with(self.variables)
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
        reply.headers = self.headers if last is not None else None
        reply.hops = max(self.wave.hops, last.hops if last else 0)
        reply.remote = last.remote if last else False
        return reply
