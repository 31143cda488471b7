"""Drivers: each makes the particles of one Kind, and defines how they behave."""

from __future__ import annotations

import abc
import inspect
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from ...errors import BadRequest, Forbidden
from ...universe.address.point import Point
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kinds.kind import Kind
from ...universe.waves.wave import Body
from ..blobs import Blobs
from ..registry import ParticleRecord, PropertyValue
from .handlers import HandlerSpec
from .limits import is_count, is_seconds
from .particle import Particle
from .sending import Sender

__all__ = ["Draft", "Driver", "DriverHost", "Traits"]


def _positive_seconds(_: object, field: attrs.Attribute[float | None], value: object) -> None:
    if value is not None and not is_seconds(value):
        raise ValueError(f"`{field.name}` is {value!r}: write a number of seconds above 0, or None")


def _at_least_one(_: object, field: attrs.Attribute[int | None], value: object) -> None:
    if value is not None and not is_count(value):
        raise ValueError(f"`{field.name}` is {value!r}: write a whole number of at least 1, or None")


@attrs.frozen
class Traits:
    """How one particle differs from the others of its Kind. A field that is None keeps the value of the driver or of
    the class.

    Two particles with equal traits share what is made from them, so return equal values for particles that are alike.
    Raises ValueError when ``idle_after`` is not more than 0, or ``waves_limit`` is not a whole number of at least 1.

    Attributes:
        particle: its class; None for :attr:`Driver.particle`.
        handlers: names of methods of the class, each with the waves that it handles, in the order in which they are
            tried. A method may appear several times.
        concurrent: whether its handlers may run concurrently.
        bind: text of its default bind; empty for none.
        idle_after: seconds without a wave after which it leaves memory. A value in the configuration of the Kind takes
            precedence.
        waves_limit: maximum number of waves that may wait for it.

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
    idle_after: float | None = attrs.field(default=None, validator=_positive_seconds)
    waves_limit: int | None = attrs.field(default=None, validator=_at_least_one)


@attrs.frozen
class Draft:
    """A particle that is about to be registered. See :meth:`Driver.complete`.

    Attributes:
        point: its future address.
        kind: its Kind, with sub kind and product.
        properties: its properties by name, with their defaults.
        state: its initial state, as the body of a wave; None for none.
        below: particles that are registered together with it, parents before their children.
    """

    point: Point
    kind: Kind
    properties: Mapping[str, PropertyValue] = attrs.field(factory=dict)
    state: Body = None
    below: tuple[Draft, ...] = ()


class DriverHost(Sender):
    """What a driver may use.

    Its waves are sent by the driver's own particle, ``<<STAR::machine:NAME[0]>>::star:drivers:KIND``, which has rights
    only on what it owns. See ``docs/reference/access.md#drivers``.
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
        """The path of a directory for this driver alone. It is created on first use."""

    @property
    @abc.abstractmethod
    def log(self) -> logging.Logger:
        """The driver's logger."""

    @property
    @abc.abstractmethod
    def blobs(self) -> Blobs:
        """The store of content of this machine. Use it together with :func:`hyperverse_core.blobs.read_content`, which
        checks the rights of the reader; the store itself gives content to anyone who has its digest. When no plugin
        provides a store, all of its methods raise NoDriver."""

    @abc.abstractmethod
    def serve(self, particle: Particle) -> None:
        """Makes a particle answer at the driver's own point on this machine,
        ``<<STAR::machine:NAME[0]>>::star:drivers:KIND``. So the drivers of a Kind can talk to one another. The policy
        is not asked: every agent can send there, so each handler must check ``ctx.agent`` itself.

        Args:
            particle: it is not saved, and ends when the machine stops. A second call replaces it.
        """

    @property
    def on_behalf(self) -> Sender:
        """In :meth:`Driver.check`: sends on behalf of the agent that creates the particle, within its bounds. A
        driver can thus read what the agent may read.

        Raises:
            Forbidden: elsewhere, where no agent has asked the driver.
        """
        raise Forbidden("nobody has asked this driver", hint="use on_behalf of the host that `check` is given")

    @abc.abstractmethod
    def kinds(self) -> Iterable[KindDef]:
        """All Kinds that this machine serves."""


class Driver:
    """Base of all drivers. Each machine that serves the Kind makes one instance.

    Attributes:
        kind: the Kind that it serves.
        particle: the class of its particles.
        star_kinds: star kinds that may host its particles; None for all that host particles.
        bind: text of the default bind; None lets all methods reach the handlers.
        placement: name of the placement strategy, unless the configuration names another one.
        idle_after: seconds without a wave after which a particle leaves memory; None for the configured value.
        waves_limit: maximum number of waves that may wait for one particle; further waves are answered 503.
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
        for name in ("create", "check", "complete", "granted"):
            if not inspect.iscoroutinefunction(getattr(cls, name)):
                raise BadRequest(
                    f"driver {cls.__name__}: {name} is not a coroutine function",
                    hint=f"write async def {name}{inspect.signature(getattr(Driver, name))}",
                )

    async def start(self, host: DriverHost) -> None:
        """Called once, before the first particle is made. When it raises, the status of the machine shows the error,
        and the call is retried after growing pauses. The rest of the machine serves meanwhile.

        Args:
            host: what the driver may use, now and later.
        """

    async def stop(self) -> None:
        """Called once when the machine stops, after its last particle has left memory."""

    async def check(self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]) -> None:
        """Called before a particle is registered, on the machine that carries out ``create``. To refuse it, raise an
        exception: an error of ``hyperverse_core.errors`` becomes the answer of ``create``, and any other exception is
        answered 500::

            async def check(self, host, point, kind, properties):
                bundle = properties["bundle"].value
                if not (await host.ping(bundle, "Cmd<Bounce>")).ok:
                    raise BadRequest(f"{bundle!r} is not a bundle")

        The permissions of the agent, the parent, the Kind and the properties were checked before. It is not called when
        the point is registered already and ``create`` or ``create?`` keeps that particle as it is. Do not change
        anything here: the particle may not be registered after all. Until the driver has started, ``create`` is
        answered 501.

        Args:
            host: as in :meth:`start`. Its :attr:`DriverHost.on_behalf` acts on behalf of the agent that creates the
                particle.
            point: the future address of the particle.
            kind: its Kind, with sub kind and product.
            properties: its properties by name, with their defaults.
        """

    async def complete(self, host: DriverHost, draft: Draft) -> Draft:
        """Called after :meth:`check`, under the same conditions. Returns what is registered: it may change the initial
        state and add particles below, all in one write. Either everything is registered or nothing. All of it belongs
        to the agent of ``create``, whose permission to create there was checked; the drivers of the particles below are
        not asked.

        An exception becomes the answer of ``create``, as for :meth:`check`.

        Args:
            host: as in :meth:`start`.
            draft: the particle, with the state that was given to ``create``, such as the content of
                ``publish ^[ file ]-> POINT``.

        Returns:
            the draft, changed in ``state``, ``properties`` and ``below`` only.
        """
        return draft

    async def create(self, record: ParticleRecord) -> Particle:
        """Makes a particle without state. Called at each activation; the saved state is then loaded into it. By
        default, calls the particle class without arguments.

        It may wait, but no longer than the wave that needs the particle. When it raises an error of
        ``hyperverse_core.errors``, that wave is answered with the error; any other exception is answered 500. The next
        wave tries again.

        Args:
            record: the registry's record of the particle: point, Kind, owner, properties.
        """
        return self.particle()

    def traits(self, record: ParticleRecord) -> Traits | None:
        """Returns how a particle differs from the others of its Kind; None when it does not. Called whenever the
        particle is placed on this machine, before its first wave. It must return at once.

        A later change of a property takes effect when the particle is placed again.

        Args:
            record: the registry's record of the particle.
        """
        return None

    def prepared(self) -> Iterable[str]:
        """Names what this machine has ready for particles of the Kind, such as compiled modules. Placement strategies
        of all machines see the names as :attr:`Candidate.prepared`. Called several times a second: it must return at
        once, and return few names.
        """
        return ()

    def needs(self, record: ParticleRecord) -> Iterable[str]:
        """Names what one particle needs, in the terms of :meth:`prepared`. Placement strategies see which stars have
        some of it prepared, as :attr:`Candidate.ready`. Called when the particle is placed: it must return at once.

        Args:
            record: the registry's record of the particle.
        """
        return ()

    def remark(self) -> str:
        """Returns a limitation of a driver that works, such as a missing optional library; empty when there is none.
        ``hyperverse status`` shows it beside the driver. Called for each status: it must return at once.
        """
        return ""

    async def granted(self, host: DriverHost, record: ParticleRecord) -> Sequence[str]:
        """Returns what one particle may use of the computer, such as folders: one text for each. The command
        ``explain`` prints it after the answer of the policy. When this raises an error of ``hyperverse_core.errors``,
        ``explain`` prints the error in its place.

        Args:
            host: as in :meth:`check`. Its :attr:`DriverHost.on_behalf` acts on behalf of the agent that asks, so
                return only what that agent may read.
            record: the registry's record of the particle.
        """
        return ()

    async def on_delete(self, point: Point) -> None:
        """Called after an active particle was deleted and has left memory, once for each particle, on the machine that
        hosted it, after :meth:`Particle.on_stop`. It does not matter which machine carried out the deletion, or whether
        the command named the particle or one above it. The machine that carries out the deletion calls this before it
        answers, other machines soon after; if the particle was handling a wave, the call comes after that handler has
        ended. Exceptions are logged.

        It is not called for a particle that was not active, nor on a machine that stops before it learns of the
        deletion. So release here what an active particle holds, but do not rely on it for anything that must not
        remain.

        Args:
            point: the address of the deleted particle.
        """
