"""The Kinds that this machine serves, and their drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from ...contracts.driver import Draft, Driver, DriverHost, Particle, Traits
from ...contracts.registry import ParticleRecord, PropertyValue, Status
from ...errors import HandlerFailed, HyperverseError, NoDriver, PluginError, Unavailable, described
from ...plugins.class_checks.drivers import particle_mistakes
from ...plugins.class_checks.mistake import refusal
from ...protocol.states.beginnings import begin_alike
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kinds.kind import Kind
from ...universe.routing.bind import BindConfig
from .handlers import Handlers
from .own_context import Variables, in_own_context

__all__ = ["Served", "ServedKinds"]

_log = guarded_log("hyperverse.driver")
_ALIKE = Traits()
_IDLE_AFTER = 300.0
_VARIANTS = 1024


class Served:
    """A Kind as this machine serves it or, if :meth:`of_record` made it, a group of its particles with the same traits.

    Attributes:
        driver: the one driver object.
        kind: the Kind that it serves.
        host: the driver's access to the machine; None in tests without a machine.
        particle: the class of the particles.
        makes: whether the driver creates the objects itself, so that it must be called.
        alike: whether all fresh particles hold the same durable state.
        fresh: fingerprint of that state; None until a particle is created.
        checks: whether the driver checks particles before they are registered.
        completes: whether the driver completes what is registered.
        prepares: whether the driver reports what is prepared for its particles.
        needs: whether it reports which of these a particle needs.
        grants: whether it reports what a particle may use of the computer.
        handlers: the compiled handlers of the particle class.
        bind: the default bind; None if every method reaches the handlers.
        concurrent: whether the particles handle waves concurrently.
        idle_after: seconds without a wave after which the particles leave memory.
        waves_limit: greatest number of waves that may wait for one of the particles.
        status, cause: its state in the machine's status, and the reason.
        again: when its driver is started again, in seconds since the epoch; None if it is not.
        plugin: name of the plugin that provides it.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        plugin: str = "",
        idle_after: float | None = None,
        configured_idle: float | None = None,
        waves_limit: int | None = None,
        traits: Traits = _ALIKE,
        host: DriverHost | None = None,
        acting_for: Callable[[Point, Scope | None], DriverHost] | None = None,
    ) -> None:
        """``idle_after`` and ``waves_limit`` apply if neither the traits nor the driver set them; None for the driver
        defaults. ``configured_idle`` is the config's value for the Kind, and takes precedence."""
        cls = traits.particle or driver.particle
        self.driver = driver
        self.kind: KindDef = driver.kind
        self.host = host
        self._acting_for = acting_for
        self.particle = cls
        self.makes = type(driver).create is not Driver.create
        self.alike = not self.makes and cls.dump is Particle.dump and begin_alike(cls)
        self.fresh: int | None = None
        self.checks = type(driver).check is not Driver.check
        self.completes = type(driver).complete is not Driver.complete
        self.prepares = type(driver).prepared is not Driver.prepared
        self.needs = type(driver).needs is not Driver.needs
        self.grants = type(driver).granted is not Driver.granted
        self.handlers = Handlers.of(cls) if traits.handlers is None else Handlers.of(cls, traits.handlers)
        bind = driver.bind if traits.bind is None else traits.bind
        self.bind = BindConfig.parse(bind) if bind else None
        self.concurrent = cls.concurrent if traits.concurrent is None else traits.concurrent
        self.idle_after = configured_idle or traits.idle_after or driver.idle_after or idle_after or _IDLE_AFTER
        self.waves_limit = traits.waves_limit or _limit(driver, waves_limit)
        self.status = Status.PENDING
        self.cause = ""
        self.again: float | None = None
        self.plugin = plugin
        self._configured = partial(
            Served,
            driver,
            plugin=plugin,
            idle_after=idle_after,
            configured_idle=configured_idle,
            waves_limit=waves_limit,
            host=host,
            acting_for=acting_for,
        )
        self._varies = type(driver).traits is not Driver.traits
        self._variants: dict[Traits, Served] = {}

    def told(self) -> str:
        """Why its driver does not serve; for a driver that serves, its remark."""
        if self.cause or self.status is not Status.READY:
            return self.cause
        try:
            return str(Variables().run(self.driver.remark))
        except BaseException as exc:
            if ends_task(exc):
                raise
            return f"`remark` failed: {described(exc)}"

    def of_record(self, record: ParticleRecord) -> Served:
        """Returns how one particle is served: like all others of its Kind, unless its driver differs for it.

        Raises the HyperverseError of the driver, and PluginError if the driver misbehaves."""
        if not self._varies:
            return self
        try:
            traits = Variables().run(self.driver.traits, record)
        except HyperverseError:
            raise
        except BaseException as exc:
            if ends_task(exc):
                raise
            raise self._at_fault("traits", record, exc) from exc
        try:
            if traits is None:
                return self
            if traits not in self._variants and traits.particle is not None:
                self._check(traits.particle)
            return self.variant(traits)
        except Exception as exc:  # the traits do not fit the class, or are not traits
            raise self._at_fault("traits", record, exc) from exc

    def _check(self, particle: type[Particle]) -> None:
        """Raises BadRequest with the mistakes of a class that only its driver's traits name."""
        mistakes = list(particle_mistakes(particle, made_by_driver=self.makes))
        if mistakes:
            raise refusal(mistakes)

    def _at_fault(self, what: str, record: ParticleRecord, error: BaseException) -> PluginError:
        error = presentable(error)
        _log.error("driver of %s: %s failed", self.kind.name, what, exc_info=error, extra={"point": record.point.text})
        return PluginError(
            f"the driver of Kind {self.kind.name!r} (plugin {self.plugin!r}) failed in `{what}` for "
            f"{record.point.text!r}: {described(error)}"
        )

    async def make(self, record: ParticleRecord) -> Particle:
        """Creates a particle with its driver, without state. Raises the driver's errors, and HandlerFailed if the
        result is not a particle of the class."""
        made = await self.driver.create(record)
        if not isinstance(made, self.particle):
            raise HandlerFailed(
                f"the driver of Kind {self.kind.name!r} (plugin {self.plugin!r}) created a {type(made).__name__} for "
                f"{record.point.text!r}, not a {self.particle.__name__}"
            )
        return made

    async def check(
        self, point: Point, kind: Kind, properties: Mapping[str, PropertyValue], agent: Point, scope: Scope | None
    ) -> None:
        """Asks the driver whether an agent may register such a particle. Raises the driver's HyperverseError, and
        PluginError for any other error."""
        assert self._acting_for is not None, "a driver that was made by a machine has a host"
        host = self._acting_for(agent, scope)
        try:
            await in_own_context(self.driver.check(host, point, kind, properties))
        except HyperverseError:
            raise
        except BaseException as exc:
            if ends_task(exc):
                raise
            exc = presentable(exc)
            _log.error("driver of %s: check failed", self.kind.name, exc_info=exc, extra={"point": point.text})
            raise PluginError(
                f"the driver of Kind {self.kind.name!r} (plugin {self.plugin!r}) could not check {point.text!r}: "
                f"{described(exc)}"
            ) from exc

    async def granted(self, record: ParticleRecord, agent: Point, scope: Scope | None) -> list[str]:
        """Returns what a particle may use of the computer, as far as an agent may know. If the driver fails, its error
        is returned instead."""
        assert self._acting_for is not None, "a driver that was made by a machine has a host"
        try:
            found = await in_own_context(self.driver.granted(self._acting_for(agent, scope), record))
            return [str(each) for each in found]
        except BaseException as exc:
            if ends_task(exc):
                raise
            exc = presentable(exc)
            if isinstance(exc, HyperverseError):
                return [f"not known: {exc.message}"]
            _log.error("driver of %s: granted failed", self.kind.name, exc_info=exc, extra={"point": record.point.text})
            return [f"not known: the driver of Kind {self.kind.name!r} failed: {described(exc)}"]

    async def complete(self, draft: Draft) -> Draft:
        """Asks the driver what to register. Raises the errors of :meth:`check`, and PluginError for an answer that is
        not a draft of this particle."""
        assert self.host is not None, "a driver that was made by a machine has a host"
        try:
            done = await in_own_context(self.driver.complete(self.host, draft))
        except HyperverseError:
            raise
        except BaseException as exc:
            if ends_task(exc):
                raise
            exc = presentable(exc)
            _log.error("driver of %s: complete failed", self.kind.name, exc_info=exc, extra={"point": draft.point.text})
            raise PluginError(
                f"the driver of Kind {self.kind.name!r} (plugin {self.plugin!r}) could not complete "
                f"{draft.point.text!r}: {described(exc)}"
            ) from exc
        if not isinstance(done, Draft) or (done.point, done.kind) != (draft.point, draft.kind):
            raise PluginError(
                f"the driver of Kind {self.kind.name!r} (plugin {self.plugin!r}) has completed {draft.point.text!r} "
                f"to {done!r:.200}, not to a draft of the same point and Kind"
            )
        return done

    def variant(self, traits: Traits) -> Served:
        """Returns the same driver for particles with these traits. Raises BadRequest or ParseError if they are
        malformed."""
        known = self._variants.get(traits)
        if known is None:
            known = self._configured(traits=traits)
            if len(self._variants) >= _VARIANTS:  # their particles still refer to those in use
                self._variants.clear()
            self._variants[traits] = known
        return known

    @property
    def shortest_idle(self) -> float:
        """The shortest ``idle_after`` of its particles, in seconds."""
        return min([self.idle_after, *(variant.idle_after for variant in self._variants.values())])

    @property
    def serves(self) -> bool:
        """Whether its driver has started."""
        return self.status is Status.READY


def _limit(driver: Driver, otherwise: int | None) -> int:
    """Returns how many waves may wait for a particle whose traits set no limit."""
    if otherwise is None or driver.waves_limit != Driver.waves_limit:
        return driver.waves_limit
    return otherwise


class ServedKinds(Mapping[str, Served]):
    """The Kinds that this machine serves, by name; and all Kinds that it knows.

    Attributes:
        known: definitions of all Kinds, including those that are not served here.
        why_missing: returns why a Kind is missing, as the end of a hint: which plugins have failed.
    """

    def __init__(self, known: Mapping[str, KindDef], why_missing: Callable[[str], str] = lambda kind: "") -> None:
        self.known: dict[str, KindDef] = dict(known)
        self.why_missing = why_missing
        self._served: dict[str, Served] = {}

    def __getitem__(self, name: str) -> Served:
        return self._served[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)

    def __len__(self) -> int:
        return len(self._served)

    def add(self, served: Served) -> None:
        """Adds a Kind that a driver serves here from now on."""
        self.known[served.kind.name] = served.kind
        self._served[served.kind.name] = served

    def of(self, kind: Kind) -> Served:
        """Returns how particles of ``kind`` are served here. Raises NoDriver (501), or Unavailable if the machine is
        stopping."""
        served = self._served.get(kind.base)
        if served is None:
            raise NoDriver(
                f"no driver here serves Kind {kind.base!r}",
                hint="install the plugin that provides it; the particle's record and state are kept"
                + self.why_missing(kind.base),
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
