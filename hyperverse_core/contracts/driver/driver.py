"""Drivers: they make the particles of one Kind, and say what holds for them."""

from __future__ import annotations

import abc
import inspect
import logging
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import attrs

from ...errors import BadRequest
from ...universe.address.point import Point
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kinds.kind import Kind
from ..registry import ParticleRecord, PropertyValue
from .handlers import HandlerSpec
from .particle import Particle
from .sending import Sender

__all__ = ["Driver", "DriverHost", "Traits"]


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
