"""The context of a handler: its access to the fabric, and its sending of waves."""

from __future__ import annotations

import logging
import math
from collections.abc import Coroutine, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from ...contracts.driver import Ctx, Property
from ...contracts.registry import ParticleRecord, Strategy
from ...errors import Forbidden, LoopDetected
from ...scheduling.guarded_log import guarded_log
from ...universe.address.point import ROOT, Point
from ...universe.commands.command import Command
from ...universe.kind_defs.properties import PropertyScalar
from ...universe.waves.arguments import to_count
from ...universe.waves.origin import Origin, WaveOptions
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.recipients import to_recipients
from ...universe.waves.wave import BOUNCE, Body, Directed, Echo, Method, Ping, Pong, Recipients, Ripple, Signal
from .background import working_for
from .caller import Caller
from .saving import save

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["Context"]

_log = guarded_log("hyperverse.particle")


class _ParticleLog(logging.LoggerAdapter[logging.Logger]):
    """Adds the particle's point and the wave's id to each line, and passes the line to the watchers of the particle."""

    def __init__(self, active: Resident, wave: str) -> None:
        super().__init__(_log, {"point": active.text, "wave": wave})
        self._active = active

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        super().log(level, msg, *args, **kwargs)
        if self.isEnabledFor(level):
            text = str(msg) % args if args else str(msg)
            self._active.home.services.logged(self._active.point, logging.getLevelName(level), text)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs


class Context(Ctx):
    """The Ctx of one wave, or of an act that a particle starts itself.

    Args:
        active: the particle.
        wave: the wave being handled.
        origin: makes the waves that it sends; None for waves on behalf of the particle itself.
    """

    __slots__ = ("_active", "_chain", "_lent", "_origin", "_particle", "_wave", "has_saved")
    _lent: list[_OnBehalf]
    """The object that acts on behalf of the caller; set only if it was requested."""
    has_saved: bool
    """Set by the first successful save."""

    def __init__(self, active: Resident, wave: Directed, origin: Origin | None = None) -> None:
        self._active = active
        self._particle = active.particle
        self._wave = wave
        self._chain: tuple[str, ...] | None = None
        self._origin = origin

    @classmethod
    def own(cls, active: Resident) -> Context:
        """Returns a context for acts of a particle without a wave: its start and stop, and its background tasks."""
        wave = active.own_origin().wave(Ping, active.point, BOUNCE, None, {})
        wave.deadline = math.inf  # nobody waits for it
        return cls(active, wave)

    # -- what it sees -------------------------------------------------------------------------------------

    @property
    def point(self) -> Point:
        return self._active.point

    @property
    def record(self) -> ParticleRecord:
        """The particle's record in the registry."""
        return self._active.record

    @property
    def agent(self) -> Point:
        return self._wave.agent

    @property
    def wave(self) -> Directed:
        return self._wave

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        return _ParticleLog(self._active, self._wave.id)

    @property
    def remaining(self) -> float:
        return max(0.0, self._wave.deadline - self._active.home.loop.time())

    @property
    def on_behalf(self) -> Ctx:
        active, wave, home = self._active, self._wave, self._active.home
        origin = Origin(active.point, wave.agent, active.star.text, home.ids, home.loop.time, scope=wave.scope)
        lent = _OnBehalf(active, wave, origin)
        lent.over = False
        if self.__class__ is Context:
            self.__class__ = _Lender
        if not hasattr(self, "_lent"):
            self._lent = []
        self._lent.append(lent)
        return lent

    def end_on_behalf(self) -> None:
        """Called when the handler has ended, so that nothing acts on behalf of the caller any more."""
        for lent in getattr(self, "_lent", ()):
            lent.over = True

    # -- what it sends ------------------------------------------------------------------------------------

    def _extend_chain(self) -> tuple[str, ...]:
        """Returns the handlers that wait for the wave that is being sent. Raises LoopDetected if there are too many."""
        chain = self._wave.chain
        limit = self._active.home.chain_limit
        if len(chain) >= limit:
            raise LoopDetected(
                f"{limit} handlers wait for one another, the last of them {self._active.text!r}",
                hint="check whether a particle sends to itself through others",
            )
        self._chain = chain = (*chain, self._active.text)
        return chain

    async def ping(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        # Each of the three methods makes its own wave: a shared call costs 4 % of a local Ping.
        active, outer = self._active, self._wave
        if type(body) not in IMMUTABLE:
            body = own_copy(body)
        try:
            chain = self._chain or self._extend_chain()
            origin = self._origin or active.origin or active.own_origin()
            wave = origin.wave(Ping, to, method, body, options, outer, chain)
        except (Forbidden, LoopDetected) as exc:
            return Pong.failure(exc)
        if wave.deadline == outer.deadline:  # the caller's timer also ends this wave
            return await active.home.outbound.ask(wave)
        return await self._ask_by_deadline(wave)

    async def signal(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        active = self._active
        if type(body) not in IMMUTABLE:
            body = own_copy(body)
        try:
            origin = self._origin or active.origin or active.own_origin()
            wave = origin.wave(
                Signal, to, method, body, options, self._wave
            )  # nobody waits for its handler, so it needs no chain
        except Forbidden as exc:
            return Pong.failure(exc)
        outbound = active.home.outbound
        return outbound.accepted(wave) or await outbound.notify(wave)

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]:
        active = self._active
        chain = self._chain or self._extend_chain()
        origin = self._origin or active.origin or active.own_origin()
        # The body is not copied here: each recipient gets its own copy.
        wave = origin.wave(Ripple, ROOT, method, body, options, self._wave, chain)
        wave.recipients, wave.count = to_recipients(to), to_count(count)
        return await active.home.outbound.spread(wave)

    async def _ask_by_deadline(self, wave: Ping) -> Pong:
        outbound = self._active.home.outbound
        with outbound.deadlines.by(wave.deadline):
            return await outbound.ask(wave)
        return outbound.unanswered(wave)  # reached when the deadline has ended the block above

    # -- what it does -------------------------------------------------------------------------------------

    async def save(self) -> None:
        await save(self._active, self, self._particle)

    def create(
        self,
        point: Point | str,
        kind: str,
        properties: Mapping[str, PropertyScalar] | None = None,
        *,
        strategy: Strategy = Strategy.COMMIT,
    ) -> Coroutine[Any, Any, ParticleRecord]:
        return self._active.home.services.create(str(point), kind, properties or {}, strategy, self.caller)

    async def execute(self, command: Command | str) -> Pong:
        return await self._active.home.services.execute(command, self)

    async def properties(self) -> Mapping[str, Property]:
        active = self._active
        return active.home.sealed.read(active.served.kind, await self._record())

    async def matches(self, key: str, guess: str) -> bool:
        return await self._active.home.sealed.matches(await self._record(), key, guess)

    async def _record(self) -> ParticleRecord:
        """Returns the particle's current record."""
        active = self._active
        return active.record if active.assignment is None else await active.home.registry.record(active.point)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        self.__class__ = _Shared  # the task probably holds this very object
        self._active.spawn(work, name, self._wave)

    @property
    def caller(self) -> Caller:
        """The agent on whose behalf it executes commands, and its limits."""
        origin, wave, chain = self._origin, self._wave, self._chain or self._extend_chain()
        if origin is None:
            return Caller(self._active.point, None, chain, wave.topic, wave)
        return Caller(origin.agent, origin.scope, chain, wave.topic, wave)


class _Shared(Context):
    """A context that background tasks of the particle may also use, while its handler runs and after it has ended.

    Waves that such a task sends do not count as part of the handler's turn, and have only their own deadline; otherwise
    two handlers of one particle could run at once. A context without tasks need not check which task calls it, so the
    class changes when a task starts. This saves every other wave the look-up of a ContextVar.
    """

    __slots__ = ()

    def _here(self) -> Context:
        """Returns the context of the caller: the handler's, or that of a background task."""
        wave = self._wave
        if working_for.get() is not wave:
            return self
        # The same wave, except that nobody waits for it.
        own = msgspec.structs.replace(wave, deadline=math.inf, chain=())
        return _Background(self._active, own, self._origin)

    @property
    def remaining(self) -> float:
        here = self._here()
        return max(0.0, here._wave.deadline - here._active.home.loop.time())

    async def ping(self, *args: Any, **options: Any) -> Pong:
        return await Context.ping(self._here(), *args, **options)

    async def ripple(self, *args: Any, **options: Any) -> list[Echo]:
        return await Context.ripple(self._here(), *args, **options)


class _Lender(Context):
    """A context that has acted on behalf of the caller. The class marks this, because checking a class costs other
    waves less than a field would."""

    __slots__ = ()


class _OnBehalf(_Shared):
    """A context that acts on behalf of the caller while its handler runs.

    Attributes:
        over: whether the handler has ended.
    """

    __slots__ = ("over",)
    over: bool

    def _ended(self) -> Forbidden:
        return Forbidden(
            f"{self._active.text!r} no longer acts on behalf of {self._wave.agent.text!r}: that wave has ended",
            hint="after the handler has ended, use `ctx` itself, which acts on behalf of the particle",
        )

    @property
    def on_behalf(self) -> Ctx:
        return self

    async def ping(self, *args: Any, **options: Any) -> Pong:
        if self.over:
            return Pong.failure(self._ended())
        return await super().ping(*args, **options)

    async def signal(self, *args: Any, **options: Any) -> Pong:
        if self.over:
            return Pong.failure(self._ended())
        return await super().signal(*args, **options)

    async def ripple(self, *args: Any, **options: Any) -> list[Echo]:
        if self.over:
            raise self._ended()
        return await super().ripple(*args, **options)

    @property
    def caller(self) -> Caller:
        if self.over:
            raise self._ended()
        return super().caller


class _Background(Context):
    """The context of a background task that nobody waits for."""

    __slots__ = ()

    def _extend_chain(self) -> tuple[str, ...]:
        return ()
