"""Driver and Particle: behaviour. A Kind has one driver; the driver makes the particles of that Kind.

The everyday case is a :class:`Particle` with handlers and a :class:`Driver` that names it::

    @attrs.define
    class Counter(Particle):
        value: int = 0                       # attrs fields are the particle's durable state

        @handler("Ext<Add>")
        async def add(self, ctx: Ctx, by: int = 1) -> int:
            self.value += by
            await ctx.save()                 # returns when the new state is committed
            return self.value

    class CounterDriver(Driver):
        kind = KindDef("Counter", doc="A durable counter")
        particle = Counter
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import attrs

from ..errors import BadRequest
from ..universe.address.point import Point
from ..universe.commands.command import Command
from ..universe.kind_defs.kind_def import KindDef
from ..universe.routing.route_selector import RouteSelector
from ..universe.waves.wave import Body, Directed, Echo, Method, Pong, Recipients
from .registry import ParticleRecord, PropertyValue, Strategy

__all__ = ["Ctx", "Driver", "DriverHost", "HandlerSpec", "Particle", "Sender", "handler", "transient"]

_F = TypeVar("_F", bound=Callable[..., Awaitable[Any]])
_MARK = "__hyperverse_handler__"


@attrs.frozen
class HandlerSpec:
    """What :func:`handler` notes down.

    Attributes:
        selector: which waves the handler takes.
        privilege: a privilege that the agent needs besides the permission of the method.
    """

    selector: RouteSelector
    privilege: str = ""


def handler(selector: str, *, privilege: str = "") -> Callable[[_F], _F]:
    """Marks a method of a :class:`Particle` as the handler of the waves that ``selector`` takes.

    The handler is called with a :class:`Ctx` and the wave's body, converted to its annotations: a map gives
    the arguments by name, any other body is the only argument, no body leaves the defaults. A body that does
    not fit is answered 400 and the handler is not called. Named captures of a path are arguments too.

    Args:
        selector: ``Ext<Add>``, ``Http<Get>/users/(?P<user>[^/]+)``, ``Ext<*>`` (universe 4.9). The first handler
            in the order of the class body that takes a wave gets it.
        privilege: a privilege that the agent needs besides the permission.

    Raises:
        ParseError: ``selector`` is not one.
    """
    spec = HandlerSpec(RouteSelector.parse(selector), privilege)

    def mark(function: _F) -> _F:
        setattr(function, _MARK, spec)
        return function

    return mark


def transient(**kwargs: Any) -> Any:
    """An attrs field that is not part of the durable state; takes the arguments of ``attrs.field``."""
    metadata = {**kwargs.pop("metadata", {}), "transient": True}
    return attrs.field(metadata=metadata, **kwargs)


class Sender(abc.ABC):
    """What can send waves: a :class:`Ctx`, a driver's host, and the client have it in common."""

    @abc.abstractmethod
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
        """Sends a Ping and returns its Pong, whatever its status is: look at ``ok``, or call ``unwrap()``.

        Args:
            to: the recipient.
            method: ``Ext<Add>``; a Method or its text.
            body: what the handler gets.
            path: for Http methods and binds.
            headers: a map of texts.
            wait: seconds for the answer; the default is 15, and never more than what is left of the wave that is
                being handled.
            retries: how often it is sent again after 408, 421 or 503.
            priority: 0 (first) to 4 when lanes are busy.

        Raises:
            ParseError: ``to`` or ``method`` is not one.
        """

    @abc.abstractmethod
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
        """Sends a Signal. Returns when it was accepted (202: authorised and queued at the recipient's star, or
        handed to a lane towards it) or refused; what the handler makes of it is not known to the sender."""

    @abc.abstractmethod
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
        """Sends a Ripple to many recipients and gathers their echoes, in the order in which they came.

        Args:
            to: a selector (or its text), points, ``Stars()`` or ``Watchers(...)``.
            wait: seconds; for each recipient that has not answered by then there is an echo of status 408.
            count: how many echoes are enough; None for one from each recipient.
        """


class Ctx(Sender):
    """What a handler may use. One for each wave; it must not be kept after the handler has ended."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def point(self) -> Point:
        """The particle's own point."""

    @property
    @abc.abstractmethod
    def agent(self) -> Point:
        """In whose name the wave being handled was sent."""

    @property
    @abc.abstractmethod
    def wave(self) -> Directed:
        """The wave being handled. Read only."""

    @property
    @abc.abstractmethod
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose lines carry the particle's point and the wave's id."""

    @property
    @abc.abstractmethod
    def remaining(self) -> float:
        """Seconds until nobody waits for this handler any more; it is then cancelled at its next await."""

    @property
    @abc.abstractmethod
    def on_behalf(self) -> Ctx:
        """The same, but what is sent through it carries the caller as agent, within the scope of the wave being
        handled, never beyond it."""

    @abc.abstractmethod
    async def save(self) -> None:
        """Commits the particle's state. When it returns, the state survives the end of this machine.

        Raises:
            NotHostedHere: the particle lives elsewhere by now; nothing was written and the handler should end.
        """

    @abc.abstractmethod
    async def create(
        self,
        point: Point | str,
        kind: str,
        properties: Mapping[str, str] | None = None,
        *,
        strategy: Strategy = Strategy.COMMIT,
    ) -> ParticleRecord:
        """Registers a particle, owned by the agent. ``%`` in the last segment takes the parent's next number.

        Raises:
            Forbidden, Conflict, NotFound, UnknownKind, BadRequest: as the registry, the policy and the Kind say.
        """

    @abc.abstractmethod
    async def execute(self, command: Command | str) -> Pong:
        """Carries out a command of the command language (``select localhost+:**``) as the agent."""

    @abc.abstractmethod
    async def properties(self) -> Mapping[str, PropertyValue]:
        """The particle's own properties."""

    @abc.abstractmethod
    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        """Starts work of the particle's own that outlives the wave; it ends with the particle. What it raises is
        logged. Raises TooMany when the particle has 64 pieces under way."""


class Particle:
    """Base of all particles. Subclass it with ``@attrs.define``; its attrs fields are the durable state.

    A particle's waves are handled one at a time (a handler that waits may be re-entered by its own call chain),
    unless ``concurrent`` is True.
    """

    __slots__ = ()
    concurrent: ClassVar[bool] = False

    async def on_start(self, ctx: Ctx) -> None:
        """Called after the state was loaded, before the first wave. When it raises, the wave is answered 500 and
        the next one tries again."""

    async def on_stop(self, ctx: Ctx) -> None:
        """Called before the particle leaves memory, with a few seconds of time. It is not called on a crash."""

    @classmethod
    def handlers(cls) -> list[tuple[str, HandlerSpec]]:
        """Names of the handler methods with what was noted down, in the order of the class body; a subclass's own
        come first."""
        found: dict[str, HandlerSpec] = {}
        for layer in cls.__mro__:
            for name, value in vars(layer).items():
                spec = getattr(value, _MARK, None)
                if spec is not None and name not in found:
                    found[name] = spec
        return list(found.items())


class DriverHost(Sender):
    """What a driver may use: as a Ctx, for the driver's own particle."""

    @property
    @abc.abstractmethod
    def machine(self) -> str:
        """Name of the machine."""

    @property
    @abc.abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The table ``[drivers.<Kind>]`` of the config."""

    @property
    @abc.abstractmethod
    def data_dir(self) -> str:
        """A directory of this driver's own, made on first use."""

    @property
    @abc.abstractmethod
    def log(self) -> logging.Logger:
        """The driver's logger."""

    @abc.abstractmethod
    def kinds(self) -> Iterable[KindDef]:
        """Every Kind that this machine knows."""


class Driver:
    """Base of all drivers; one object for each machine that hosts the Kind.

    Attributes:
        kind: what it serves.
        particle: the class of its particles.
        star_kinds: star kinds that may host it; None for every one that hosts particles at all.
        bind: text of the default bind; None lets every method through to the handlers.
        placement: name of the placement strategy, unless the config names another.
        idle_after: seconds without a wave after which a particle leaves memory; None for the config's.
        waves_limit: how many waves may wait for one particle; more are answered 503.
    """

    kind: ClassVar[KindDef]
    particle: ClassVar[type[Particle]] = Particle
    star_kinds: ClassVar[frozenset[str] | None] = None
    bind: ClassVar[str | None] = None
    placement: ClassVar[str] = "spread"
    idle_after: ClassVar[float | None] = None
    waves_limit: ClassVar[int] = 4096

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = cls.__dict__.get("kind")
        if declared is not None and not isinstance(declared, KindDef):
            raise BadRequest(
                f"driver {cls.__name__}: kind is {declared!r}",
                hint='write kind = KindDef("Counter", doc="...")',
            )

    async def start(self, host: DriverHost) -> None:
        """Called once before the first particle is made. What it raises is shown in the machine's status with the
        plugin's name; it is tried again with growing pauses while the rest of the machine serves."""

    async def stop(self) -> None:
        """Called once when the machine stops, after the last particle has gone."""

    def create(self, point: Point, kind_text: str) -> Particle:
        """A new particle without state. Called whenever one comes to life; its saved state is then put in."""
        return self.particle()

    async def on_delete(self, point: Point) -> None:
        """A particle of this Kind that lived here was deleted, and has left memory. Called once for each, on the
        machine whose star hosted it, whichever machine carried the deletion out, and whether that named the particle
        or one above it: as a rule before the deletion is answered, on other machines soon after. What it raises is
        logged and keeps nobody.

        A particle that lived nowhere, because no wave has ever reached for it or because it was idle, is deleted from
        the registry only: no driver is called. Nor is one for a machine that ends before it has heard of the deletion.
        So clean up here what a live particle holds, and never rely on it for what must not be left behind."""
