"""The Kinds that this machine serves, and by which driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...contracts.driver import Driver, Particle
from ...contracts.registry import Status
from ...errors import NoDriver, Unavailable
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kinds.kind import Kind
from ...universe.routing.bind import BindConfig
from .handlers import Handlers

__all__ = ["Served", "ServedKinds"]


class Served:
    """A Kind as it is served on this machine.

    Attributes:
        driver: the one driver object.
        kind: what it serves.
        handlers: of its particle class, compiled.
        bind: its default bind, None to let every method through.
        concurrent: whether its particles handle waves beside one another.
        idle_after: seconds without a wave after which its particles leave memory.
        waves_limit: how many waves may wait for one of its particles.
        status, cause: as shown in the machine's status.
        plugin: name of the plugin that brings it.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        plugin: str = "",
        idle_after: float = 300.0,
        particle: type[Particle] | None = None,
    ) -> None:
        cls = particle or driver.particle
        self.driver = driver
        self.kind: KindDef = driver.kind
        self.handlers = Handlers.of(cls)
        self.bind = BindConfig.parse(driver.bind) if driver.bind else None
        self.concurrent = cls.concurrent
        self._others: dict[type[Particle], Served] = {}
        self.idle_after = idle_after
        self.waves_limit = driver.waves_limit
        self.status = Status.PENDING
        self.cause = ""
        self.plugin = plugin

    def with_particle(self, cls: type[Particle]) -> Served:
        """The same driver for particles of another class: those that the platform makes itself."""
        known = self._others.get(cls)
        if known is None:
            known = self._others[cls] = Served(self.driver, plugin=self.plugin, particle=cls)
            known.status = self.status
        return known

    @property
    def serves(self) -> bool:
        """Whether its driver has started."""
        return self.status is Status.READY


class ServedKinds(Mapping[str, Served]):
    """What this machine serves, by the name of the Kind; and every Kind that it knows.

    Attributes:
        known: definitions of all Kinds, also of those that nobody serves here.
    """

    def __init__(self, known: Mapping[str, KindDef]) -> None:
        self.known: dict[str, KindDef] = dict(known)
        self._served: dict[str, Served] = {}

    def __getitem__(self, name: str) -> Served:
        return self._served[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)

    def __len__(self) -> int:
        return len(self._served)

    def add(self, served: Served) -> None:
        """A driver serves its Kind here from now on."""
        self.known[served.kind.name] = served.kind
        self._served[served.kind.name] = served

    def of(self, kind: Kind) -> Served:
        """How particles of ``kind`` are served here. Raises NoDriver (501), Unavailable when the machine stops."""
        served = self._served.get(kind.base)
        if served is None:
            raise NoDriver(
                f"no driver here serves Kind {kind.base!r}",
                hint="install the plugin that brings it; the particle's record and state are kept",
            )
        if served.status is Status.DONE:
            raise Unavailable("this machine is stopping", retry_after=1.0)
        if not served.serves:
            raise NoDriver(
                f"the driver of Kind {kind.base!r} (plugin {served.plugin!r}) does not serve: "
                f"{served.cause or served.status}",
                retry_after=1.0,
            )
        return served
