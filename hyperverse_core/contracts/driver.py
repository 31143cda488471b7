"""Drivers and particles: behaviour. Each Kind has one driver, which makes the particles of that Kind.

The usual case is a :class:`Particle` with handlers and a :class:`Driver` that names it::

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
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, Unpack

import attrs

from ..errors import BadRequest
from ..universe.address.point import Point
from ..universe.commands.command import Command
from ..universe.kind_defs.kind_def import KindDef
from ..universe.kinds.kind import Kind
from ..universe.routing.route_selector import RouteSelector
from ..universe.waves.origin import WaveOptions
from ..universe.waves.wave import Body, Directed, Echo, Method, Pong, Recipients
from .registry import ParticleRecord, PropertyValue, Strategy

__all__ = [
    "Ctx",
    "Driver",
    "DriverHost",
    "HandlerSpec",
    "Particle",
    "Sender",
    "Traits",
    "handler",
    "state",
    "transient",
]

_F = TypeVar("_F", bound=Callable[..., Awaitable[Any]])
_P = TypeVar("_P", bound="type[Particle]")
_MARK = "__hyperverse_handler__"
_BARE = "__hyperverse_bare_handler__"
_DECLARED = "__hyperverse_declared__"


@attrs.frozen
class HandlerSpec:
    """What :func:`handler` records about a method.

    Attributes:
        selector: the waves that the handler takes.
        privilege: a privilege that the agent needs in addition to the permission of the method; empty for none.
    """

    selector: RouteSelector
    privilege: str = ""


def handler(selector: str, *, privilege: str = "") -> Callable[[_F], _F]:
    """Marks a method of a :class:`Particle` as the handler of the waves that match ``selector``.

    The handler is called with a :class:`Ctx` and the body of the wave, converted to the handler's annotations: a map
    gives the arguments by name, any other body is the only argument, and without a body the arguments have their
    defaults. A body that does not fit is answered 400, and the handler is not called. Named groups of a path are
    arguments as well. What the handler returns is the body of the answer.

    Args:
        selector: ``Ext<Add>``, ``Http<Get>/users/(?P<user>[^/]+)``, ``Ext<*>``; see ``docs/reference/binds.md``. When
            several handlers match, the first one in the class body is called.
        privilege: a privilege that the agent needs in addition to the permission of the method.

    Raises:
        ParseError: ``selector`` is malformed.
    """
    if inspect.isroutine(selector):  # ``@handler`` without parentheses: told with the other mistakes of the class
        setattr(selector, _BARE, True)
        return selector
    spec = HandlerSpec(RouteSelector.parse(selector), privilege)

    def mark(function: _F) -> _F:
        setattr(function, _MARK, spec)
        _declare(function, sys._getframe(1).f_locals)
        return function

    return mark


def _declare(function: Any, body: Any) -> None:
    """Notes a handler in the class body that is being run: a later definition of the same name would hide it without
    a trace."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None and "__qualname__" in body and "__module__" in body:
        body.setdefault(_DECLARED, []).append((function.__name__, code.co_firstlineno))


def transient(**kwargs: Any) -> Any:
    """Declares an attrs field that is not part of the durable state::

        connection: Connection | None = transient(default=None)

    Args:
        **kwargs: the arguments of ``attrs.field``.
    """
    metadata = {**kwargs.pop("metadata", {}), "transient": True}
    return attrs.field(metadata=metadata, **kwargs)


def state(*, version: int) -> Callable[[_P], _P]:
    """Says which version the durable state of a :class:`Particle` class has. Without it, the version is 1::

        @state(version=2)
        @attrs.define
        class Counter(Particle):
            total: int = 0                   # was "value" in version 1

            def upgrade(self, state: dict[str, Body], version: int) -> dict[str, Body]:
                state["total"] = state.pop("value")
                return state

    A state that was saved with an older version is given to :meth:`Particle.upgrade`. See
    ``docs/how-to/change-a-state.md``.

    Args:
        version: a whole number from 1. Increase it when a durable field is renamed, removed or gets another type. A new
            field with a default needs no new version.

    Raises:
        BadRequest: ``version`` is not such a number.
    """
    if type(version) is not int or version < 1:
        raise BadRequest(f"a state cannot have version {version!r}", hint="write a whole number from 1")

    def mark(cls: _P) -> _P:
        cls._state_version = version
        return cls

    return mark


class Sender(abc.ABC):
    """What can send waves: the common part of a :class:`Ctx`, of a :class:`DriverHost` and of a client."""

    @abc.abstractmethod
    async def ping(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        """Sends a Ping, and returns its Pong. A failure is a Pong as well: look at ``ok``, or call ``unwrap()``::

            total = (await ctx.ping("localhost:hits", "Ext<Add>", {"by": 3})).unwrap()

        Args:
            to: the recipient.
            method: a Method or its text, ``Ext<Add>``.
            body: what the handler gets: None, bool, int, float, str, bytes, and lists and maps of these.
            **options: how it is sent, see :class:`WaveOptions`: ``path``, ``headers``, ``wait`` (seconds), ``retries``,
                ``priority``, ``topic``. A handler never waits longer than its own wave does.

        Raises:
            ParseError: ``to`` or ``method`` is malformed.
            BadRequest: the body cannot be sent, or an option has a value that cannot be.
            TypeError: there is no such option.
        """

    @abc.abstractmethod
    async def signal(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        """Sends a Signal: a message without an answer.

        The arguments are those of :meth:`ping`. There are no options ``wait`` and ``retries``, because nobody waits for
        the handler.

        Returns:
            a Pong with the status 202 when the Signal was accepted (authorised and queued at the recipient's star, or
            handed to a lane towards it), else with the status of the refusal.
        """

    @abc.abstractmethod
    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]:
        """Sends a Ripple: a request to many recipients. Returns their echoes, in the order in which they arrived.

        The arguments are those of :meth:`ping`; there is no option ``retries``.

        Args:
            to: a selector or its text, points, ``Stars()`` or ``Watchers(...)``.
            count: how many echoes are enough; None for one from each recipient.
            **options: for each recipient that has not answered within ``wait`` seconds, there is an echo with the
                status 408.
        """


class Ctx(Sender):
    """What a handler may use. There is one for each wave. Do not keep it after the handler has ended."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def point(self) -> Point:
        """The particle's own point."""

    @property
    @abc.abstractmethod
    def agent(self) -> Point:
        """The agent in whose name the wave was sent that is being handled."""

    @property
    @abc.abstractmethod
    def wave(self) -> Directed:
        """The wave that is being handled. Do not change it."""

    @property
    @abc.abstractmethod
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that adds the particle's point and the wave's id to each line."""

    @property
    @abc.abstractmethod
    def remaining(self) -> float:
        """Seconds until the deadline of the wave. The handler is then cancelled at its next ``await``."""

    @property
    @abc.abstractmethod
    def on_behalf(self) -> Ctx:
        """A Ctx whose waves have the agent of the caller, bounded by the scope of the wave that is being handled."""

    @abc.abstractmethod
    async def save(self) -> None:
        """Saves the particle's state. When this returns, the state survives a crash of the machine.

        When it raises, nothing was written. The handler may call it again. If it ends without having saved, the
        particle begins again from its saved state before its next wave, as it does after a handler that raised; see
        ``docs/explanation/delivery.md#all-or-nothing``.

        Raises:
            NotHostedHere: the particle lives on another star by now; the handler should end.
            Unavailable: the registry cannot be reached or is full, or another handler of a concurrent particle has
                failed meanwhile.
            Conflict: a handler that was called by this one's chain has failed behind a change.
            HandlerFailed: a field, which the text names, holds what would not come back as it is.
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
        """Registers a particle. Its owner is this particle, or with :attr:`on_behalf` the caller::

            record = await ctx.create(ctx.point.child("order-%"), "Order")

        Args:
            point: its address. A ``%`` in the last segment stands for the next number of the parent's sequence.
            kind: its Kind, as text.
            properties: its properties by name.
            strategy: what happens when the point is registered already.

        Raises:
            Forbidden: the particle may not create anything there.
            Conflict: the point is registered, and the strategy does not allow that.
            NotFound: the parent is not registered.
            UnknownKind: no plugin serves the Kind.
            BadRequest: the Kind cannot be created there, or the properties do not fit it.
        """

    @abc.abstractmethod
    async def execute(self, command: Command | str) -> Pong:
        """Runs a ``command`` of the command language, such as ``select localhost+:**``, with this particle as
        agent, or with :attr:`on_behalf` the caller.

        Raises:
            ParseError: the text is malformed.
        """

    @abc.abstractmethod
    async def properties(self) -> Mapping[str, PropertyValue]:
        """The particle's own properties."""

    @abc.abstractmethod
    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        """Starts background work that outlives the wave. It is cancelled when the particle leaves memory, and what it
        raises is logged.

        Args:
            work: a coroutine.
            name: a name for logs.

        Raises:
            TooMany: 64 pieces of work of this particle are under way.
        """


class Particle:
    """Base of all particles. Subclass it with ``@attrs.define``; the attrs fields are the durable state.

    Fields may have the types of ``docs/reference/state.md``. A field made by :func:`transient` is not saved.

    Override :meth:`dump` and :meth:`load` when the state is something else than the attrs fields.

    Attributes:
        concurrent: whether handlers may run concurrently. By default a particle handles one wave at a time; only a
            handler that waits may be re-entered by the chain of calls that it has started.
    """

    __slots__ = ()
    concurrent: ClassVar[bool] = False
    _state_version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if (cls.dump is Particle.dump) is not (cls.load is Particle.load):
            raise BadRequest(
                f"particle class {cls.__name__} overrides only one of dump and load",
                hint="what one of them writes, the other one has to read: override both",
            )

    async def on_start(self, ctx: Ctx) -> None:
        """Called after the state was loaded, before the first wave is handled. When it raises, that wave is answered
        500, and the next wave tries again.

        Args:
            ctx: acts for the particle itself, not for the sender of that wave.
        """

    async def on_stop(self, ctx: Ctx) -> None:
        """Called before the particle leaves memory: when it was idle, when it moves, when its machine stops, and when
        it was deleted. It has five seconds, and what it raises is logged.

        It is not called when the machine crashes, when its star has lost the particle to another star, when the
        particle is replaced by ``create!``, or when the particle starts again from its saved state because a handler
        was cut off at its deadline, has raised behind a change, or could not save.

        When it raises, what it has changed and not saved itself is not written.

        Args:
            ctx: acts for the particle itself. After a deletion, :meth:`Ctx.save` raises NotHostedHere.
        """

    def dump(self) -> bytes | Mapping[str, Body]:
        """Returns the durable state, for particles that do not keep it in attrs fields. Override it together with
        :meth:`load`; the attrs fields are then not saved by themselves::

            def dump(self) -> bytes:
                return bytes(self.memory)

            def load(self, saved: bytes | Mapping[str, Body]) -> None:
                self.memory[:] = saved

        It is called by :meth:`Ctx.save`, before the particle leaves memory, and for ``Cmd<Read>``, whose answer is what
        it returns. It must return at once. What it raises is answered 500, and nothing is saved.

        Returns:
            bytes, or a map of what the body of a wave can be.
        """
        raise NotImplementedError("a particle without `dump` keeps its state in its attrs fields")

    def upgrade(self, state: dict[str, Body], version: int) -> Mapping[str, Body]:
        """Turns a state that an older version of the class has saved into one of this version. See :func:`state`.

        Called before the state is put into the particle, which is new, has its defaults, and should not be touched
        here. It must return at once. When it raises, or what it returns does not fit the fields, the wave is answered
        500, and what was saved is kept. The upgraded state is durable when the particle is saved the next time.

        Args:
            state: the fields by their names, as plain values: texts, numbers, lists, maps. It may be changed.
            version: the version that has saved it, 1 for a class without :func:`state`.

        Returns:
            the fields by their names, for this version. One that is missing gets its default.
        """
        raise NotImplementedError("a class of version 1 has no older states")

    def load(self, saved: bytes | Mapping[str, Body]) -> None:
        """Puts a saved state into a new particle. Called before :meth:`on_start`, unless nothing was ever saved. When
        it raises, the wave is answered 500, and the next wave tries again.

        Args:
            saved: what :meth:`dump` has returned. It may come from an older version of the class, which perhaps kept
                its state in attrs fields: then it is a map of these.
        """
        raise NotImplementedError("a particle without `load` keeps its state in its attrs fields")

    @classmethod
    def handlers(cls) -> list[tuple[str, HandlerSpec]]:
        """The names of the handler methods, with what :func:`handler` has recorded, in the order of the class body.
        Those of a subclass come before those of its bases."""
        found: dict[str, HandlerSpec] = {}
        for layer in cls.__mro__:
            for name, value in vars(layer).items():
                spec = getattr(value, _MARK, None)
                if spec is not None and name not in found:
                    found[name] = spec
        return list(found.items())


@attrs.frozen
class Traits:
    """How one particle differs from the others of its Kind. What is None is as the driver, or the class, says.

    Two particles with equal traits share what is made from them, so return equal values for particles that are alike.

    Attributes:
        particle: its class; None for :attr:`Driver.particle`.
        handlers: names of methods of the class, each with the waves that it handles, in the order in which they are
            tried. One method may be named several times.
        concurrent: whether its handlers may run concurrently.
        bind: text of its default bind; empty for none.
        idle_after: seconds without a wave after which it leaves memory. A value in the configuration of the Kind is
            stronger.
        waves_limit: number of waves that may wait for it.

    Example::

        def traits(self, record: ParticleRecord) -> Traits | None:
            names = self.exports_of(record.properties["bundle"].value)
            specs = tuple(("call", HandlerSpec(RouteSelector.parse(f"Ext<{name}>"))) for name in names)
            return Traits(handlers=specs)
    """

    particle: type[Particle] | None = None
    handlers: tuple[tuple[str, HandlerSpec], ...] | None = None
    concurrent: bool | None = None
    bind: str | None = None
    idle_after: float | None = None
    waves_limit: int | None = None


class DriverHost(Sender):
    """What a driver may use.

    Its waves are sent by the driver's own particle, ``<<STAR::machine:NAME[0]>>::star:drivers:KIND``, which has rights
    on what it owns only. See ``docs/reference/access.md#drivers``.
    """

    @property
    @abc.abstractmethod
    def machine(self) -> str:
        """The name of the machine."""

    @property
    @abc.abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The table ``[drivers.<Kind>]`` of the configuration."""

    @property
    @abc.abstractmethod
    def data_dir(self) -> str:
        """The path of a directory for this driver alone. It is created when it is first asked for."""

    @property
    @abc.abstractmethod
    def log(self) -> logging.Logger:
        """The driver's logger."""

    @abc.abstractmethod
    def kinds(self) -> Iterable[KindDef]:
        """All Kinds that this machine serves."""


class Driver:
    """Base of all drivers. Each machine that serves the Kind makes one object.

    Attributes:
        kind: the Kind that it serves.
        particle: the class of its particles.
        star_kinds: star kinds that may host its particles; None for all that host particles.
        bind: text of the default bind; None lets all methods reach the handlers.
        placement: name of the placement strategy, unless the configuration names another one.
        idle_after: seconds without a wave after which a particle leaves memory; None for those of the configuration.
        waves_limit: number of waves that may wait for one particle; further ones are answered 503.
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
        for name in ("create", "check"):
            if not inspect.iscoroutinefunction(getattr(cls, name)):
                raise BadRequest(
                    f"driver {cls.__name__}: {name} is not a coroutine function",
                    hint=f"write async def {name}{inspect.signature(getattr(Driver, name))}",
                )

    async def start(self, host: DriverHost) -> None:
        """Called once, before the first particle is made. When it raises, the status of the machine shows the error,
        and the call is repeated after growing pauses. The rest of the machine serves meanwhile.

        Args:
            host: what the driver may use, also later.
        """

    async def stop(self) -> None:
        """Called once when the machine stops, after its last particle has left memory."""

    async def check(self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]) -> None:
        """Called before a particle is registered, on the machine that carries out ``create``. Raise to refuse it: an
        error of ``hyperverse_core.errors`` is the answer of ``create``, and anything else is answered 500::

            async def check(self, host, point, kind, properties):
                bundle = properties["bundle"].value
                if not (await host.ping(bundle, "Cmd<Bounce>")).ok:
                    raise BadRequest(f"{bundle!r} is not a bundle")

        The permissions of the agent, the parent, the Kind and the properties were checked before. It is not called when
        the point is registered already and ``create`` or ``create?`` leaves that particle as it is. Do not change
        anything here: the particle may not be registered after all. While the driver has not started, ``create`` is
        answered 501.

        Args:
            host: as in :meth:`start`.
            point: the address that the particle is to have.
            kind: its Kind, with sub kind and product.
            properties: its properties by name, with their defaults.
        """

    async def create(self, record: ParticleRecord) -> Particle:
        """Makes a particle without state. Called at each activation; the saved state is then put into it. By default
        it is made by the particle class without arguments.

        It may wait, for at most as long as the wave that needs the particle. When it raises, that wave is answered 500,
        or with the error of ``hyperverse_core.errors`` that was raised, and the next wave tries again.

        Args:
            record: what the registry has about the particle: point, Kind, owner, properties.
        """
        return self.particle()

    def traits(self, record: ParticleRecord) -> Traits | None:
        """Returns how a particle differs from the others of its Kind; None when it does not. Called each time when the
        particle gets a place on this machine, before its first wave. It must return at once.

        A property that is changed later has its effect when the particle gets a place again.

        Args:
            record: what the registry has about the particle.
        """
        return None

    def prepared(self) -> Iterable[str]:
        """Names what this machine has ready for particles of the Kind, such as compiled modules. Placement strategies
        of all machines see the names as :attr:`Candidate.prepared`. Called several times a second: it must return at
        once, and few names.
        """
        return ()

    async def on_delete(self, point: Point) -> None:
        """Called after an active particle was deleted and has left memory, once for each particle, on the machine that
        hosted it, behind :meth:`Particle.on_stop`. It does not matter which machine carried out the deletion, and
        whether the command named the particle or one above it. The machine that carries it out calls this before it
        answers, other machines soon after; for a particle that was handling a wave, it is called when that handler has
        ended. What it raises is logged.

        It is not called for a particle that was not active, nor on a machine that stops before it has learned of the
        deletion. So release here what an active particle holds, and do not rely on it for anything that must not
        remain.

        Args:
            point: the address of the deleted particle.
        """
