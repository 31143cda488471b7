"""Provisioning: registers particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ...contracts.driver import Draft
from ...contracts.registry import (
    ParticleRecord,
    ParticleRegistry,
    PropertyValue,
    Registered,
    Registration,
    Status,
    Strategy,
)
from ...errors import (
    BadRequest,
    Conflict,
    NoDriver,
    NotFound,
    TooMany,
    UnknownKind,
)
from ...scheduling.rate_limiter import RateLimiter
from ...universe.address.env import Env
from ...universe.address.point import HYPERUSER, Point
from ...universe.address.point_template import PointTemplate, ResolvedTemplate
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kind_defs.kind_template import KindTemplate
from ...universe.kind_defs.properties import PropertyScalar, SetProperty, UnsetProperty, changes_of
from ...universe.kinds.kind import Kind
from ..caches.records import Records
from ..caches.selections import Selections
from ..particles.caller import Caller
from ..particles.places import Places
from ..particles.sealed_properties import SealedProperties
from ..particles.served import Served, ServedKinds
from .placer import Placer
from .ports import Permits
from .remover import Remover

__all__ = ["Provisioner"]

_TRIES = 16
_PAUSE = 0.005
_KINDS = 1024
_SLICE = 1000  # particles deleted at a time: a few hundredths of a second in the registry


class Provisioner:
    """Creates particles for one machine."""

    def __init__(
        self,
        *,
        registry: ParticleRegistry,
        permits: Permits,
        served: ServedKinds,
        places: Places,
        records: Records,
        selections: Selections,
        placer: Placer,
        remover: Remover,
        sealed: SealedProperties,
        pace: RateLimiter,
    ) -> None:
        self._pace = pace
        self._sealed = sealed
        self._registry = registry
        self._permits = permits
        self._served = served
        self._places = places
        self._records = records
        self._selections = selections
        self._placer = placer
        self._remover = remover
        self._resolved: dict[KindTemplate, Kind] = {}
        self._fitting: set[tuple[Kind, Kind]] = set()
        self._defaults: dict[str, dict[str, PropertyValue]] = {}

    async def create(
        self,
        where: str,
        kind: str,
        properties: Mapping[str, PropertyScalar],
        strategy: Strategy,
        caller: Caller,
    ) -> ParticleRecord:
        """Like :meth:`create_from`, but from texts."""
        if "%" in where:
            template = PointTemplate.parse(where).resolve(Env())
        else:
            template = ResolvedTemplate.of(Point.parse(where))
        changes = changes_of(properties)
        return await self._create(template, self._kind(KindTemplate.parse(kind)), changes, strategy, caller, None)

    async def create_from(
        self,
        where: ResolvedTemplate,
        kind: KindTemplate,
        changes: Sequence[SetProperty | UnsetProperty],
        strategy: Strategy,
        caller: Caller,
        *,
        state: bytes | None = None,
    ) -> ParticleRecord:
        """Registers a particle, owned by the agent of ``caller``; a ``%`` in the last segment is replaced by the
        parent's next number.

        Raises Forbidden, NotFound (the parent, the Kind), BadRequest (properties, a Kind that may not live there),
        Conflict, and the errors of the Kind's driver."""
        return await self._create(where, self._kind(kind), changes, strategy, caller, state)

    def _kind(self, kind: KindTemplate) -> Kind:
        """Returns the Kind that is meant, which is worked out once. Raises UnknownKind."""
        wanted = self._resolved.get(kind)
        if wanted is None:
            wanted = self._resolve(kind)
            if len(self._resolved) < _KINDS:
                self._resolved[kind] = wanted
        return wanted

    def _keep_pace(self, agent: Point) -> None:
        """Raises TooMany if an agent creates more particles than it may."""
        wait = 0.0 if agent == HYPERUSER else self._pace.wait(agent.text)
        if wait:
            raise TooMany(
                f"{agent.text!r} may create {self._pace.rate:g} particles per second here",
                hint="create them more slowly",
                retry_after=wait,
            )

    def _resolve(self, kind: KindTemplate) -> Kind:
        """Returns the resolved Kind. Raises UnknownKind, which also names failed plugins that might provide it."""
        try:
            return kind.resolve(self._served.known)
        except UnknownKind as exc:
            why = self._served.why_missing(kind.base) if kind.base not in self._served.known else ""
            raise UnknownKind(exc.message + why, hint=exc.hint) from exc

    async def _create(
        self,
        where: ResolvedTemplate,
        wanted: Kind,
        changes: Sequence[SetProperty | UnsetProperty],
        strategy: Strategy,
        caller: Caller,
        state: bytes | None,
    ) -> ParticleRecord:
        declared = self._served.known[wanted.base]
        served = self._served.get(declared.name)
        if served is None:
            raise NoDriver(f"no driver here serves Kind {wanted.base!r}", hint="install the plugin that provides it")
        if self._pace.rate:
            self._keep_pace(caller.agent)
        parent = await self._parent(where, wanted, declared, strategy, caller)
        values = self._values(declared, changes)
        for _ in range(_TRIES):
            number = await self._registry.sequence(parent.point) if where.is_pattern else None
            point = where.point(number)
            if served.checks:
                await self._check(served, point, wanted, values, strategy, caller)
            registration = Registration(point, wanted, caller.agent, values, strategy, Status.PENDING, state)
            if served.completes:
                registration = await self._complete(served, registration)
            if declared.properties.secrets or registration.below:
                registration = await self._sealed.registration(registration)
            try:
                made = await self._registry.register(registration)
            except Conflict:
                if where.is_pattern:
                    continue
                raise
            await self._made(made, strategy, declared)
            for below in registration.below:
                self._records.drop(below.point)
            return made.record
        raise Conflict(f"{_TRIES} numbers for {where.child!r} were already taken", hint="name the particle")

    async def _check(
        self,
        served: Served,
        point: Point,
        kind: Kind,
        values: Mapping[str, PropertyValue],
        strategy: Strategy,
        caller: Caller,
    ) -> None:
        """Asks the driver whether the particle may be registered, unless it exists and stays unchanged. Raises the
        errors of :meth:`Served.check`, and NoDriver if the driver has not started."""
        if strategy is not Strategy.OVERRIDE and await self._registry.records((point,)):
            return
        self._served.of(kind)
        await served.check(point, kind, values, caller.agent, caller.scope)

    async def _complete(self, served: Served, given: Registration) -> Registration:
        """Returns the registration that the driver has completed; unchanged if the particle exists and stays. Raises
        the errors of :meth:`Served.complete`, and NoDriver if the driver has not started."""
        if given.strategy is not Strategy.OVERRIDE and await self._registry.records((given.point,)):
            return given
        self._served.of(given.kind)
        state = None if given.state is None else msgspec.msgpack.decode(given.state)
        done = await served.complete(Draft(given.point, given.kind, given.properties, state))
        return _registration(done, given.owner, given.strategy)

    async def _demand_override(self, point: Point, parent: ParticleRecord, caller: Caller) -> None:
        """Checks that the caller may delete the particle that is replaced. Raises Forbidden."""
        if await self._registry.records((point,)):
            await self._permits.permit(caller, "d", parent, "create")

    async def _parent(
        self,
        where: ResolvedTemplate,
        kind: Kind,
        declared: KindDef,
        strategy: Strategy,
        caller: Caller,
    ) -> ParticleRecord:
        above = where.parent
        if not above.route.is_local:
            raise BadRequest(f"{above.text!r} has a route, and only the platform creates particles there")
        try:
            parent = self._records.remembered(above) or await self._records.one(above)
            await self._permits.permit(caller, "c", parent, "create")
        except NotFound:  # missing, or hidden from the caller
            raise NotFound(
                f"{above.text!r} does not exist, so {where.child!r} cannot be created in it",
                hint=f"create {above.text} first; if it exists, you may not see it",
            ) from None
        if strategy is Strategy.OVERRIDE and not where.is_pattern:
            await self._demand_override(where.point(None), parent, caller)
        if (kind, parent.kind) not in self._fitting:
            self._check_fits(kind, declared, parent)
            if len(self._fitting) < _KINDS:
                self._fitting.add((kind, parent.kind))
        return parent

    def _check_fits(self, kind: Kind, declared: KindDef, parent: ParticleRecord) -> None:
        """Checks that a particle of that Kind may be created in ``parent``. Raises BadRequest."""
        holder = self._served.known.get(parent.kind.base)
        if not declared.may_live_under(parent.kind):
            raise BadRequest(
                f"a {kind} cannot live under {parent.point.text!r}, a {parent.kind}",
                hint=f"it lives under: {', '.join(declared.parents)}",
            )
        if holder is not None and not holder.may_hold(kind):
            raise BadRequest(
                f"{parent.point.text!r}, a {parent.kind}, cannot contain a {kind}",
                hint=f"it may contain: {', '.join(holder.children) or 'nothing'}",
            )

    def _values(self, declared: KindDef, changes: Sequence[SetProperty | UnsetProperty]) -> dict[str, PropertyValue]:
        """Returns the properties of a new particle. Raises BadRequest."""
        if changes:
            return self._checked(declared, changes)
        values = self._defaults.get(declared.name)
        if values is None:
            values = self._defaults[declared.name] = self._checked(declared, ())
        return values

    @staticmethod
    def _checked(declared: KindDef, changes: Sequence[SetProperty | UnsetProperty]) -> dict[str, PropertyValue]:
        filled = declared.properties.fill_create_defaults(changes)
        declared.properties.check_create(filled)
        return {c.key: PropertyValue(c.value, c.lock) for c in filled if isinstance(c, SetProperty)}

    async def _made(self, made: Registered, strategy: Strategy, declared: KindDef) -> None:
        if strategy is Strategy.OVERRIDE:
            self._remover.evict([made.record])
        self._records.drop(made.record.point)
        self._selections.forget()
        if declared.eager and made.created:
            await self._places.look_up(made.record.point, self._placer.place)


def _registration(draft: Draft, owner: Point, strategy: Strategy) -> Registration:
    return Registration(
        draft.point,
        draft.kind,
        owner,
        draft.properties,
        strategy,
        state=None if draft.state is None else msgspec.msgpack.encode(draft.state),
        below=tuple(_registration(below, owner, strategy) for below in draft.below),
    )
