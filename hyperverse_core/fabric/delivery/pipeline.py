"""Pipelines: the path that a bind defines for a wave, stop by stop.

A wave that leaves a pipeline towards another particle keeps its id and headers, so that a trace can be followed. Its
agent is the particle with the bind, as for everything that the particle sends, because the author of a bind must not
act on behalf of the senders of waves to its particle. A stop that is marked ``(caller)`` gets the caller's rights,
within those of the particle's owner.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import BadRequest, HyperverseError, LoopDetected, NotFound, NotHostedHere, ProtocolError, Unavailable
from ...protocol.repeats import NoAnswer
from ...universe.address.env import Env
from ...universe.address.point import Point
from ...universe.routing.bind import Selected
from ...universe.routing.pipeline import Step
from ...universe.routing.stop import Call, CoreStop, PointStop, ReflectStop
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.wave import Body, Directed, Method, MethodKind, Outcome, Ping, Pong, Signal
from ...universe.waves.withheld import withheld
from ..particles.resident import Resident
from ..particles.unread_bind import UnreadBind
from ..stars.star import Star
from .binds import Binds
from .callers_rights import CallersRights

__all__ = ["Pipelines"]


class Pipelines:
    """Sends waves along the path that a particle's bind defines for them.

    Args:
        binds: reads the binds that were not read yet.
        callers_rights: lends the caller's rights to marked stops.
        hops: greatest number of binds and lanes that a wave may pass.
    """

    def __init__(self, binds: Binds, callers_rights: CallersRights, hops: int) -> None:
        self._binds = binds
        self._callers_rights = callers_rights
        self._hops = hops

    async def follow(self, active: Resident, wave: Directed) -> Pong | None:
        """Takes ``wave`` through the bind of ``active``. Returns None to deliver it to the particle unchanged."""
        bind = active.bind
        if isinstance(bind, UnreadBind):
            try:
                bind = await self._binds.get(active, bind)
            except HyperverseError:
                if wave.method.kind is MethodKind.CMD:
                    return None  # a particle answers the common methods even if its bind cannot be read
                raise
        assert bind is not None
        selected = bind.select(wave.method, wave.path, wave.topic, agent=wave.agent)
        if selected is not None and not selected.means(wave.method):
            return None
        if selected is None:
            if wave.method.kind is MethodKind.CMD:
                return None
            raise NotFound(f"{active.text!r} has no route for {wave.method} {wave.path}", hint="see its bind")
        return await _Passage(active, wave, selected, self._callers_rights, self._hops).run()


class _Passage:
    """The passage of one wave through one pipeline."""

    def __init__(
        self, active: Resident, wave: Directed, selected: Selected, callers_rights: CallersRights, hops: int
    ) -> None:
        self.star: Star = active.star
        self.callers_rights = callers_rights
        self.active = active
        self.wave = wave
        self.hops = hops
        self.steps = selected.pipeline.steps
        self.captures = selected.captures
        self.own: dict[str, str] = {}
        self.body: Body = wave.body
        self.headers: Mapping[str, str] | None = wave.headers
        self.status = 200
        self.answered: Pong | None = None
        self.begun = False
        source = active.record.properties.get("bind")
        if source is not None and not UnreadBind(source.value).inline:
            at = Point.parse(source.value)
            self.own["self.bind"] = at.text
            bundle = at.to_bundle() if at.has_bundle else None
            if bundle is not None:
                self.own["self.bundle"] = bundle.text

    async def run(self) -> Pong:
        """Returns the answer of the pipeline. Raises HyperverseError only before the first stop has run, because a
        sender that repeats a refused wave would run that stop twice."""
        try:
            return await self._pass()
        except HyperverseError as exc:
            if not self.begun:
                raise
            return self._failed(self.star.refusal(self.wave, exc))

    async def _pass(self) -> Pong:
        for number, step in enumerate(self.steps, 1):
            self._check(number, step)
            stop = step.stop
            if isinstance(stop, ReflectStop):
                return self._reply(self.body)
            reply = await self._go(stop)
            if reply is not None and not reply.ok:
                return self._failed(reply)
            self.begun = True
            if reply is None:
                continue  # a Signal: there is no answer
            self.answered, self.body, self.status = reply, reply.body, reply.status
            if reply.headers:  # headers of the new body take precedence over those of the sender
                self.headers = {**(self.headers or {}), **reply.headers}
        return self._reply(None, status=202)

    def _failed(self, reply: Pong) -> Pong:
        """Returns the answer of a stop that ends the pipeline, as the outcome of the whole wave."""
        if isinstance(reply, NoAnswer):  # the star that remembers the wave of the stop does not know the whole wave
            reply = Pong(**{name: getattr(reply, name) for name in Pong.__struct_fields__})
        withheld(reply, self.wave.agent)
        if self.begun and reply.outcome is Outcome.REJECTED:
            reply.outcome = Outcome.FAILED
            if (
                reply.status == NotHostedHere.status
            ):  # this status is about the stop; it does not mean that the whole wave may move
                reply.status = Unavailable.status
        return reply

    def _segment(self, name: str) -> str | None:
        """Returns a capture as one segment of a point. The sender chose its text, so it must not reach deeper levels.
        Raises BadRequest."""
        value = self.captures.get(name)
        if value is not None and ":" in value:
            raise BadRequest(f"{value!r} cannot be a segment of a point", hint="a segment has no ':'")
        return value

    def _check(self, number: int, step: Step) -> None:
        if step.accepts(self.body):
            return
        said = f"step {number} of the pipeline of {self.active.text!r} accepts {step.pattern}, not this body"
        raise ProtocolError(said) if self.answered is not None else BadRequest(said)

    async def _go(self, stop: CoreStop | PointStop | Call) -> Pong | None:
        wave = self.wave
        if isinstance(stop, CoreStop):
            inward = self._request(self.active.point, wave.method, wave.path)
            if isinstance(inward, Signal):
                await self.active.accept_core(inward)
                return None
            return await self.active.core(inward)
        env = Env(working=self.active.point, variables=self.own, resolvers=(self._segment,))
        point = stop.point.resolve(env)
        if wave.hops >= self.hops:
            passed = f"{self.hops} binds and lanes, the last of them {self.active.text!r}"
            raise LoopDetected(f"{wave.method} has passed {passed}")
        method, path = wave.method, wave.path
        if isinstance(stop, Call):
            method, path = (
                stop.method,
                stop.resolve_path(Env(working=self.active.point, variables={**self.captures, **self.own})),
            )
        request = self._request(point, method, path)
        request.hops += 1
        request.agent, request.scope = self.active.point, None
        if stop.for_caller:
            await self.callers_rights.lend(self.active, wave, request)
        if isinstance(request, Signal):
            reply = await self.active.home.outbound.notify(request)
            return None if reply.ok else reply
        assert isinstance(request, Ping)
        return await self.active.home.outbound.ask(request)

    def _request(self, to: Point, method: Method, path: str) -> Ping | Signal:
        body = self.body
        if self.begun and self.answered is None and type(body) not in IMMUTABLE:
            body = own_copy(body)  # an earlier stop, a Signal, may still hold it
        return self.wave.onward(to=to, method=method, path=path, body=body, headers=self.headers)

    def _reply(self, body: Body, *, status: int | None = None) -> Pong:
        last = self.answered
        reply = Pong(status or self.status, body, self.active.point, Outcome.OK, self.wave.id, self.star.text)
        reply.headers = last.headers if last is not None else None
        reply.hops = max(self.wave.hops, last.hops if last else 0)
        reply.remote = last.remote if last else False
        return reply
