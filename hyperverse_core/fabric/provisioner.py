"""Provisioning: particles are registered, placed when the first wave reaches for them, and deleted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..contracts.policy import Need
from ..contracts.registry import (
    ParticleRecord,
    PropertyValue,
    Registered,
    Registration,
    Status,
    Strategy,
)
from ..errors import BadRequest, Conflict, NoDriver, NotFound, NotHostedHere, Unavailable
from ..universe.env import Env
from ..universe.kind import Kind, KindDef
from ..universe.kind_template import KindTemplate
from ..universe.point import Point
from ..universe.point_template import PointTemplate, ResolvedTemplate
from ..universe.properties import SetProperty, UnsetProperty
from ..universe.scope import Scope
from ..universe.star_key import StarKey
from .gravity import Place

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["Provisioner"]

_log = logging.getLogger("hyperverse.provisioner")
_TRIES = 16


class Provisioner:
    """Creates, places and deletes particles for one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    # -- create -------------------------------------------------------------------------------------------

    async def create(
        self,
        where: str,
        kind: str,
        properties: Mapping[str, str],
        strategy: Strategy,
        *,
        agent: Point,
        scope: Scope | None = None,
    ) -> ParticleRecord:
        """As :meth:`create_from`, from texts."""
        return await self.create_from(
            PointTemplate.parse(where).resolve(Env()),
            KindTemplate.parse(kind),
            [SetProperty(key, value) for key, value in properties.items()],
            strategy,
            agent=agent,
            scope=scope,
        )

    async def create_from(
        self,
        where: ResolvedTemplate,
        kind: KindTemplate,
        changes: Sequence[SetProperty | UnsetProperty],
        strategy: Strategy,
        *,
        agent: Point,
        scope: Scope | None = None,
        state: bytes | None = None,
    ) -> ParticleRecord:
        """Registers a particle, owned by ``agent``; one ``%`` in the last segment takes the parent's next number.

        Raises Forbidden, NotFound (the parent, the Kind), BadRequest (properties, a Kind that may not live there)
        and Conflict."""
        wanted = kind.resolve(self.machine.kinds)
        declared = self.machine.kinds[wanted.base]
        if declared.name not in self.machine.hosted:
            raise NoDriver(f"no driver here serves Kind {wanted.base!r}", hint="install the plugin that brings it")
        parent = await self._parent(where, wanted, declared, agent, scope)
        values = self._values(declared, changes)
        for _ in range(_TRIES):
            number = await self.machine.registry.sequence(parent.point) if where.is_pattern else None
            point = where.point(number)
            registration = Registration(point, wanted, agent, values, strategy, Status.PENDING, state)
            try:
                made = await self.machine.registry.register(registration)
            except Conflict:
                if where.is_pattern:
                    continue
                raise
            await self._made(made, strategy, declared)
            return made.record
        raise Conflict(f"{_TRIES} numbers for {where.child!r} were taken", hint="name the particle")

    async def _parent(
        self, where: ResolvedTemplate, kind: Kind, declared: KindDef, agent: Point, scope: Scope | None
    ) -> ParticleRecord:
        above = where.parent
        if not above.route.is_local:
            raise BadRequest(f"{above.text!r} has a route, and its particles are made by the platform")
        try:
            parent = await self.machine.records.one(above)
        except NotFound:
            raise NotFound(
                f"{above.text!r} does not exist, so {where.child!r} cannot be created in it",
                hint=f"create {above.text} first",
            ) from None
        await self.machine.policy.authorize(agent, Need("c"), parent, scope=scope)
        holder = self.machine.kinds.get(parent.kind.base)
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
        return parent

    @staticmethod
    def _values(declared: KindDef, changes: Sequence[SetProperty | UnsetProperty]) -> dict[str, PropertyValue]:
        filled = declared.properties.fill_create_defaults(changes)
        declared.properties.check_create(filled)
        return {c.key: PropertyValue(c.value, c.lock) for c in filled if isinstance(c, SetProperty)}

    async def _made(self, made: Registered, strategy: Strategy, declared: KindDef) -> None:
        if strategy is Strategy.OVERRIDE:
            self.evict([made.record])
        self.machine.records.drop(made.record.point)
        if declared.eager and made.created:
            await self.machine.gravity.locate(made.record.point)

    # -- place --------------------------------------------------------------------------------------------

    async def place(self, point: Point) -> Place:
        """Where ``point`` lives, which is decided now if it lives nowhere.

        Raises NotFound, NoDriver (501), Unavailable (503: no star takes it now)."""
        for _ in range(_TRIES):
            record = (await self.machine.registry.records((point,))).get(point)
            if record is None:
                raise NotFound(f"no particle {point.text!r}", hint=await self.nearest(point))
            place = await self._try(record)
            if place is not None:
                return place
        raise Unavailable(f"{point.text!r} is given from star to star", retry_after=0.2)

    async def _try(self, record: ParticleRecord) -> Place | None:
        machine = self.machine
        at = record.assignment
        if at is not None and machine.membership.holds(at):
            star = machine.stars.get(at.star)
            if star is None:
                return machine.switchboard.far(at.star)
            live = star.hosting.live.get(record.point.text)
            if live is not None:
                return live
        chosen = self.choose(record)
        star = machine.stars.get(chosen)
        try:
            if star is not None:
                return await star.hosting.adopt(record, at)
            return await machine.exchange.provision(chosen, record, at)
        except (Conflict, NotHostedHere):
            return None  # somebody else was faster: look again

    def choose(self, record: ParticleRecord) -> StarKey:
        """The star that is to take a particle."""
        machine = self.machine
        machine.driver_of(record.kind)
        candidates = machine.membership.candidates(record)
        if not candidates:
            raise Unavailable(
                f"no star takes particles of Kind {record.kind.base!r} now",
                hint="see `hyperverse status` for why",
                retry_after=1.0,
            )
        return machine.placement_of(record.kind.base).choose(record.kind, record.point, candidates)

    async def nearest(self, point: Point) -> str:
        """A hint for a point that does not exist: the names beside it that are spelt alike."""
        from ..errors import did_you_mean

        parent = point.parent
        if parent is None:
            return ""
        page = await self.machine.registry.children(parent, limit=200)
        said = did_you_mean(point.text, [r.point.text for r in page.records])
        return said.removeprefix("; ")

    # -- delete -------------------------------------------------------------------------------------------

    async def delete(self, points: Sequence[Point]) -> list[ParticleRecord]:
        """Deletes the subtrees of ``points`` and lets go of what lives here. Rights are the caller's to check."""
        deleted = await self.machine.registry.delete(points)
        self.evict(deleted)
        for record in deleted:
            hosted = self.machine.hosted.get(record.kind.base)
            if hosted is not None and record.assignment is not None:
                await hosted.driver.on_delete(record.point)
        return deleted

    def evict(self, records: Sequence[ParticleRecord]) -> None:
        """What lives here of ``records`` is gone at once."""
        for record in records:
            self.machine.records.drop(record.point)
            self.machine.gravity.drop(record.point)
            for star in self.machine.stars.values():  # its place may be so new that gravity has not kept it yet
                live = star.hosting.live.get(record.point.text)
                if live is not None:
                    star.hosting.lost(live)
