"""What a handler gets to see of the fabric, and how it sends waves."""

from __future__ import annotations

import logging
import math
from collections.abc import Coroutine, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...contracts.driver import Ctx
from ...contracts.registry import ParticleRecord, PropertyValue, Strategy
from ...errors import BadRequest, Forbidden, LoopDetected
from ...universe.access.scope import Scope
from ...universe.address.point import ROOT, Point
from ...universe.commands.command import Command
from ...universe.waves.wave import (
    BOUNCE,
    DEFAULT_HANDLING,
    Body,
    Directed,
    Echo,
    Handling,
    Method,
    MethodKind,
    Outcome,
    Ping,
    Pong,
    Priority,
    Recipients,
    Ripple,
    Signal,
)
from ..stars.recipients import to_recipients
from .background import working_for

if TYPE_CHECKING:
    from .active import Active

__all__ = ["Context", "timed_out"]

_log = logging.getLogger("hyperverse.particle")
_HYP: Final = MethodKind.HYP
_HANDLINGS: dict[tuple[float, int, int], Handling] = {}


class _ParticleLog(logging.LoggerAdapter[logging.Logger]):
    """Adds the particle's point and the wave's id to each line, and shows it to those who watch the particle."""

    def __init__(self, live: Active, wave: str) -> None:
        super().__init__(_log, {"point": live.text, "wave": wave})
        self._live = live

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        super().log(level, msg, *args, **kwargs)
        if self.isEnabledFor(level):
            text = str(msg) % args if args else str(msg)
            self._live.star.machine.watches.logged(self._live.point, logging.getLevelName(level), text)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs


def handling_of(wait: float | None, retries: int, priority: int) -> Handling:
    """The Handling for these; equal ones are one object. Raises BadRequest."""
    if wait is None and retries == 0 and priority == 3:
        return DEFAULT_HANDLING
    key = (DEFAULT_HANDLING.wait if wait is None else wait, retries, priority)
    known = _HANDLINGS.get(key)
    if known is None:
        try:
            known = Handling(key[0], retries, Priority(priority))
        except ValueError as exc:
            raise BadRequest(f"priority {priority!r} is not one", hint="0 (first) to 4 (last)") from exc
        if len(_HANDLINGS) < 256:
            _HANDLINGS[key] = known
    return known


def timed_out(wave: Directed, wait: float) -> Pong:
    """The reply to a wave that nobody answered in time."""
    body = {"error": f"{wave.to.text!r} did not answer {wave.method} after {wait:g} s"}
    return Pong(408, body, wave.to, Outcome.UNKNOWN, wave.id)


class Context(Ctx):
    """The Ctx of one wave, or of a particle that does something on its own account."""

    __slots__ = ("_agent", "_chain", "_live", "_scope", "_wave")

    def __init__(self, live: Active, wave: Directed, agent: Point | None = None, scope: Scope | None = None) -> None:
        self._live = live
        self._wave = wave
        self._chain: tuple[str, ...] | None = None
        self._agent = agent
        self._scope = scope

    @classmethod
    def own(cls, live: Active) -> Context:
        """For what a particle does without a wave: its start and stop, work of its own."""
        return cls(live, Ping(live.point, BOUNCE, sender=live.point, agent=live.point))

    # -- what it sees -------------------------------------------------------------------------------------

    @property
    def point(self) -> Point:
        return self._live.point

    @property
    def agent(self) -> Point:
        return self._wave.agent

    @property
    def wave(self) -> Directed:
        return self._wave

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        return _ParticleLog(self._live, self._wave.id)

    @property
    def remaining(self) -> float:
        return max(0.0, self._wave.deadline - self._live.star.loop.time())

    @property
    def on_behalf(self) -> Ctx:
        return _Shared(self._live, self._wave, self._wave.agent, self._wave.scope)

    # -- what it sends ------------------------------------------------------------------------------------

    def _extend_chain(self) -> tuple[str, ...]:
        """The handlers that wait for whatever is sent now. Raises LoopDetected when they are too many."""
        chain = self._wave.chain
        limit = self._live.star.machine.config.limits.chain
        if len(chain) >= limit:
            raise LoopDetected(
                f"{limit} handlers wait for one another, the last is {self._live.text!r}",
                hint="does a particle send to itself through others?",
            )
        self._chain = chain = (*chain, self._live.text)
        return chain

    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        retries: int = 0,
        priority: int = 3,
    ) -> Pong:
        if type(to) is str:
            to = Point.parse(to)
        if type(method) is str:
            method = Method.parse(method)
        if method.kind is _HYP:  # type: ignore[union-attr]  # it is a Method by now
            return Pong.failure(Forbidden(f"{method} is between stars"))
        live = self._live
        star = live.star
        outer = self._wave.deadline
        handling = handling_of(wait, retries, priority)
        deadline = star.loop.time() + handling.wait
        try:
            wave = Ping(
                to,  # type: ignore[arg-type]  # it is a Point by now
                method,  # type: ignore[arg-type]  # it is a Method by now
                body,
                path,
                headers,
                live.point,
                self._agent or live.point,
                self._scope,
                handling,
                deadline if deadline < outer else outer,
                self._chain or self._extend_chain(),
                0,
                star.new_id(),
                "",
                star.text,
            )
        except LoopDetected as exc:
            return Pong.failure(exc)
        if deadline >= outer:  # whoever waits for us has a timer that ends us both
            return await star.ask(wave)
        with star.deadlines.by(deadline):
            return await star.ask(wave)
        return timed_out(wave, handling.wait)

    async def signal(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        priority: int = 3,
    ) -> Pong:
        live = self._live
        star = live.star
        parsed = Method.parse(method) if type(method) is str else method
        if parsed.kind is _HYP:  # type: ignore[union-attr]
            return Pong.failure(Forbidden(f"{method} is between stars"))
        handling = handling_of(None, 0, priority)
        wave = Signal(
            Point.parse(to) if type(to) is str else to,  # type: ignore[arg-type]
            parsed,  # type: ignore[arg-type]
            body,
            path,
            headers,
            live.point,
            self._agent or live.point,
            self._scope,
            handling,
            math.inf,
            (),
            0,
            star.new_id(),
            "",
            star.text,
        )
        return await star.notify(wave)

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        count: int | None = None,
        priority: int = 3,
    ) -> list[Echo]:
        live = self._live
        star = live.star
        parsed = Method.parse(method) if type(method) is str else method
        if parsed.kind is _HYP:  # type: ignore[union-attr]
            raise Forbidden(f"{method} is between stars")
        handling = handling_of(wait, 0, priority)
        wave = Ripple(
            ROOT,
            parsed,  # type: ignore[arg-type]
            body,
            path,
            headers,
            live.point,
            self._agent or live.point,
            self._scope,
            handling,
            min(star.loop.time() + handling.wait, self._wave.deadline),
            self._chain or self._extend_chain(),
            0,
            star.new_id(),
            "",
            star.text,
            to_recipients(to),
            count,
        )
        return await star.spread(wave)

    # -- what it does -------------------------------------------------------------------------------------

    async def save(self) -> None:
        await self._live.save()

    async def create(
        self,
        point: Point | str,
        kind: str,
        properties: Mapping[str, str] | None = None,
        *,
        strategy: Strategy = Strategy.COMMIT,
    ) -> ParticleRecord:
        return await self._live.star.machine.provisioner.create(
            str(point),
            kind,
            properties or {},
            strategy,
            agent=self._agent or self._live.point,
            scope=self._scope,
        )

    async def execute(self, command: Command | str) -> Pong:
        machine = self._live.star.machine
        return await machine.commands.run(command, self)

    async def properties(self) -> Mapping[str, PropertyValue]:
        live = self._live
        if live.assignment is None:
            return live.record.properties
        return (await live.star.machine.registry.record(live.point)).properties

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        self.__class__ = _Shared  # the work is likely to hold this very object
        self._live.spawn(work, name, self._wave)

    @property
    def acting_as(self) -> tuple[Point, Scope | None]:
        """In whose name what it sends and executes is done, and within which scope."""
        return self._agent or self._live.point, self._scope


class _Shared(Context):
    """A context that work of the particle's own may use too, beside its handler and after that has ended.

    What such work sends waits in nobody's turn and has no deadline but its own, or two handlers of one particle
    could run at once. A context of which no work was begun need not look: hence the class of its own.
    """

    __slots__ = ()

    def _here(self) -> Context:
        """The context for whoever asks: the handler, or work of the particle's own."""
        wave = self._wave
        if working_for.get() is not wave:
            return self
        own = Ping(self._live.point, BOUNCE, sender=wave.sender, agent=wave.agent, scope=wave.scope, id=wave.id)
        return _Background(self._live, own, self._agent, self._scope)

    @property
    def remaining(self) -> float:
        here = self._here()
        return max(0.0, here._wave.deadline - here._live.star.loop.time())

    async def ping(self, *args: Any, **kwargs: Any) -> Pong:
        return await Context.ping(self._here(), *args, **kwargs)

    async def ripple(self, *args: Any, **kwargs: Any) -> list[Echo]:
        return await Context.ripple(self._here(), *args, **kwargs)


class _Background(Context):
    """The context of work that nobody waits for."""

    __slots__ = ()

    def _extend_chain(self) -> tuple[str, ...]:
        return ()
