"""Provisioning: particles are registered, placed when the first wave reaches for them, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence

from ...contracts.registry import (
    ParticleRecord,
    PropertyValue,
    Registered,
    Registration,
    Registry,
    Status,
    Strategy,
)
from ...errors import (
    BadRequest,
    Conflict,
    HyperverseError,
    NoDriver,
    NotFound,
    NotHostedHere,
    Unavailable,
    UnknownKind,
    did_you_mean,
    error_for_status,
)
from ...universe.address.env import Env
from ...universe.address.point import Point
from ...universe.address.point_template import PointTemplate, ResolvedTemplate
from ...universe.address.star_key import StarKey
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kind_defs.kind_template import KindTemplate
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from ...universe.kinds.kind import Kind
from ..caches.records import Records
from ..caches.selections import Selections
from ..cluster.directory import Directory
from ..cluster.membership import Membership
from ..particles.active import Active
from ..particles.caller import Caller
from ..particles.deletions import Deletions
from ..particles.homes import Homes
from ..particles.places import Place, Places
from ..particles.served import Served, ServedKinds
from ..transit.remote_star import RemoteStars
from ..transit.requests import Requests
from .candidates import Candidates
from .ports import Permits
from .strategies import Strategies

__all__ = ["Provisioner"]

_TRIES = 16
_PAUSE = 0.005
_KINDS = 1024
_SLICE = 1000  # particles that are deleted in one go: some hundredths of a second of the registry


class Provisioner:
    """Creates, places and deletes particles for one machine."""

    def __init__(
        self,
        *,
        registry: Registry,
        permits: Permits,
        served: ServedKinds,
        homes: Homes,
        places: Places,
        records: Records,
        selections: Selections,
        directory: Directory,
        membership: Membership,
        remotes: RemoteStars,
        requests: Requests,
        candidates: Candidates,
        strategies: Strategies,
        deletions: Deletions,
    ) -> None:
        self._registry = registry
        self._permits = permits
        self._served = served
        self._homes = homes
        self._places = places
        self._records = records
        self._selections = selections
        self._directory = directory
        self._membership = membership
        self._remotes = remotes
        self._requests = requests
        self._candidates = candidates
        self._strategies = strategies
        self._deletions = deletions
        self._resolved: dict[KindTemplate, Kind] = {}
        self._fitting: set[tuple[Kind, Kind]] = set()
        self._defaults: dict[str, dict[str, PropertyValue]] = {}

    # -- create -------------------------------------------------------------------------------------------

    async def create(
        self,
        where: str,
        kind: str,
        properties: Mapping[str, str],
        strategy: Strategy,
        caller: Caller,
    ) -> ParticleRecord:
        """As :meth:`create_from`, from texts."""
        if "%" in where:
            template = PointTemplate.parse(where).resolve(Env())
        else:
            template = ResolvedTemplate.of(Point.parse(where))
        changes = [SetProperty(key, value) for key, value in properties.items()]
        wanted = KindTemplate.parse(kind)
        return await self.create_from(template, wanted, changes, strategy, caller)

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
        """Registers a particle, owned by the agent of ``caller``; one ``%`` in the last segment takes the parent's next
        number.

        Raises Forbidden, NotFound (the parent, the Kind), BadRequest (properties, a Kind that may not live there),
        Conflict, and what the driver of the Kind has against it."""
        wanted = self._resolved.get(kind)
        if wanted is None:
            wanted = self._resolve(kind)
            if len(self._resolved) < _KINDS:
                self._resolved[kind] = wanted
        return await self._create(where, wanted, changes, strategy, caller, state)

    def _resolve(self, kind: KindTemplate) -> Kind:
        """The Kind that is meant. Raises UnknownKind, which also says which plugins have failed that may bring it."""
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
            raise NoDriver(f"no driver here serves Kind {wanted.base!r}", hint="install the plugin that brings it")
        parent = await self._parent(where, wanted, declared, strategy, caller)
        values = self._values(declared, changes)
        for _ in range(_TRIES):
            number = await self._registry.sequence(parent.point) if where.is_pattern else None
            point = where.point(number)
            if served.checks:
                await self._check(served, point, wanted, values, strategy)
            registration = Registration(point, wanted, caller.agent, values, strategy, Status.PENDING, state)
            try:
                made = await self._registry.register(registration)
            except Conflict:
                if where.is_pattern:
                    continue
                raise
            await self._made(made, strategy, declared)
            return made.record
        raise Conflict(f"{_TRIES} numbers for {where.child!r} were taken", hint="name the particle")

    async def _check(
        self, served: Served, point: Point, kind: Kind, values: Mapping[str, PropertyValue], strategy: Strategy
    ) -> None:
        """Asks the driver whether the particle may be registered, unless it is there already and stays as it is.
        Raises what :meth:`Served.check` raises, NoDriver when the driver has not started."""
        if strategy is not Strategy.OVERRIDE and await self._registry.records((point,)):
            return
        self._served.of(kind)
        await served.check(point, kind, values)

    async def _demand_override(self, point: Point, parent: ParticleRecord, caller: Caller) -> None:
        """Checks that the caller may delete the particle that it replaces. Raises Forbidden."""
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
            raise BadRequest(f"{above.text!r} has a route, and its particles are made by the platform")
        try:
            parent = await self._records.one(above)
        except NotFound:
            raise NotFound(
                f"{above.text!r} does not exist, so {where.child!r} cannot be created in it",
                hint=f"create {above.text} first",
            ) from None
        await self._permits.permit(caller, "c", parent, "create")
        if strategy is Strategy.OVERRIDE and not where.is_pattern:
            await self._demand_override(where.point(None), parent, caller)
        if (kind, parent.kind) not in self._fitting:
            self._check_fits(kind, declared, parent)
            if len(self._fitting) < _KINDS:
                self._fitting.add((kind, parent.kind))
        return parent

    def _check_fits(self, kind: Kind, declared: KindDef, parent: ParticleRecord) -> None:
        """Whether a particle of that Kind may be created in ``parent``. Raises BadRequest."""
        holder = self._served.known.get(parent.kind.base)
        if not declared.may_live_under(parent.kind):
            raise BadRequest(
                f"a {kind} cannot live under {parent.point.text!r}, a {parent.kind}",
                hint=f"it lives under: {', '.join(declared.parents)}",
            )
        if holder is not None and not holder.may_hold(kind):
            raise BadRequest(
                f"{parent.point.text!r}, a {parent.kind}, cannot hold a {kind}",
                hint=f"it holds: {', '.join(holder.children) or 'nothing'}",
            )

    def _values(self, declared: KindDef, changes: Sequence[SetProperty | UnsetProperty]) -> dict[str, PropertyValue]:
        """The properties of a new particle. Raises BadRequest."""
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
            self.evict([made.record])
        self._records.drop(made.record.point)
        self._selections.forget()
        if declared.eager and made.created:
            await self._places.look_up(made.record.point, self.place)

    # -- place --------------------------------------------------------------------------------------------

    async def place(self, point: Point) -> Place:
        """Where ``point`` lives, which is decided now if it lives nowhere.

        Raises NotFound, NoDriver (501), Unavailable (503: no star takes it now)."""
        missed: dict[StarKey, Unavailable] = {}
        for attempt in range(_TRIES):
            record = (await self._registry.records((point,))).get(point)
            if record is None:
                raise NotFound(f"no particle {point.text!r}", hint=await self.nearest(point))
            place = await self._try(record, missed)
            if place is not None:
                return place
            if attempt:
                await asyncio.sleep(_PAUSE * attempt)
        raise Unavailable(f"{point.text!r} is being moved between stars", retry_after=0.2)

    async def _try(self, record: ParticleRecord, missed: dict[StarKey, Unavailable]) -> Place | None:
        """Where a particle lives, or has been put; None when that has changed meanwhile: look again.

        Args:
            missed: stars that were asked to take it and have not answered; more are added.
        """
        at = record.assignment
        if at is not None:
            own = self._homes.get(at.star)
            if own is None:
                # never taken from a star that is announced: a star that is not has nothing assigned to it
                if not self._directory.holds(at):
                    await self._membership.refresh()
                return self._remotes.of(at.star) if self._directory.holds(at) else None
            active = await own.at_home(record.point)
            if active is not None:
                return active
        chosen = self.choose(record, missed)
        hosting = self._homes.by_text.get(str(chosen))
        try:
            if hosting is not None:
                return await hosting.adopt(record, at)
            await self._requests.provision(chosen, record, at)
            self._candidates.placed(chosen)
            return self._remotes.of(chosen)
        except (Conflict, NotHostedHere):
            return None  # another machine was faster
        except Unavailable as exc:
            if chosen in missed or hosting is not None:
                raise
            missed[chosen] = exc
            return None

    def choose(self, record: ParticleRecord, missed: Container[StarKey] = ()) -> StarKey:
        """The star that is to take a particle; one of ``missed`` only if there is no other."""
        self._served.of(record.kind)
        candidates = self._candidates.of(record)
        if missed:
            candidates = [c for c in candidates if c.star not in missed] or candidates
        if not candidates:
            raise Unavailable(
                f"no star takes particles of Kind {record.kind.base!r} now",
                hint="see `hyperverse status` for why",
                retry_after=1.0,
            )
        return self._strategies.choose(record, candidates)

    async def nearest(self, point: Point) -> str:
        """A hint for a point that does not exist: the names beside it that are spelt alike."""
        parent = point.parent
        if parent is None:
            return ""
        page = await self._registry.children(parent, limit=200)
        said = did_you_mean(point.text, [r.point.text for r in page.records])
        return said.removeprefix("; ")

    # -- delete -------------------------------------------------------------------------------------------

    async def delete(self, points: Sequence[Point]) -> list[ParticleRecord]:
        """Deletes the subtrees of ``points`` and lets go of what lives here; what lives elsewhere goes when the machine
        that hosts it reads of it in the change feed. Rights are the caller's to check.

        It goes in slices, so that leases are renewed and others are served beside. Raises what the registry raises; the
        error says how many are deleted already."""
        deleted: list[ParticleRecord] = []
        wanted = sorted(set(points))
        try:
            for start in range(0, len(wanted), _SLICE):
                slice_ = wanted[start : start + _SLICE]
                while True:
                    part = await self._registry.delete(slice_, limit=_SLICE)
                    deleted += part
                    self._selections.forget()
                    await self._deletions.end(self.evict(part))
                    if len(part) < _SLICE:
                        break
                    await asyncio.sleep(0)  # a registry in memory never waits
        except HyperverseError as exc:
            if not deleted:
                raise
            said = f"{exc.message}; {len(deleted)} particles were deleted before"
            raise error_for_status(exc.status, said, hint="repeat the command to delete the rest") from exc
        return deleted

    def evict(self, records: Sequence[ParticleRecord]) -> list[Active]:
        """What lives here of ``records`` is gone at once. Returns what has lived here."""
        evicted: list[Active] = []
        for record in records:
            self._records.drop(record.point)
            self._places.drop(record.point)
            for hosting in self._homes.values():  # its place may be so new that it is not in the table yet
                active = hosting.active.get(record.point.text)
                if active is not None:
                    hosting.table.lose(active)
                    evicted.append(active)
        return evicted
