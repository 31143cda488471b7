"""Hosting: the particles that live in a star, and the driver that serves each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from ...contracts.driver import Driver, Particle
from ...contracts.registry import Assigned, Assignment, ParticleRecord, Status
from ...errors import Conflict, HyperverseError, NotHostedHere, UnknownKind
from ...universe.address.point import HYPERUSER, Point
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kinds.kind import Kind
from ...universe.routing.bind import BindConfig
from .active import Active
from .conversion import encode_state
from .deactivation import bring_to_rest, stop
from .handlers import Handlers

if TYPE_CHECKING:
    from ..delivery.outbound import Star

__all__ = ["Hosting", "Served"]

_log = logging.getLogger("hyperverse.hosting")


class Served:
    """A Kind as it is served on this machine.

    Attributes:
        driver: the one driver object.
        kind: what it serves.
        handlers: of its particle class, compiled.
        bind: its default bind, None to let every method through.
        idle_after: seconds without a wave after which its particles leave memory.
        waves_limit: how many waves may wait for one of its particles.
        status, cause: as shown in the machine's status.
        plugin: who brought it.
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
        """Whether it has started."""
        return self.status is Status.READY


class Hosting:
    """The particles at home in one star, by the text of their points."""

    def __init__(self, star: Star) -> None:
        self.star = star
        self.live: dict[str, Active] = {}
        self._coming: dict[str, asyncio.Future[None]] = {}
        self._leaving: set[str] = set()

    def __len__(self) -> int:
        return len(self.live)

    def can_host(self, kind: str) -> bool:
        """Whether particles of that Kind can live here now."""
        hosted = self.star.machine.hosted.get(kind)
        return hosted is not None and hosted.serves and self.may_host(hosted)

    def may_host(self, hosted: Served) -> bool:
        """Whether this kind of star is one that the driver allows."""
        allowed = hosted.driver.star_kinds
        return self.star.kind.hosts if allowed is None else self.star.kind.name in allowed

    async def adopt(self, record: ParticleRecord, expected: Assignment | None) -> Active:
        """Brings a particle to life here, if the registry agrees that it lives where ``expected`` says.

        Raises Conflict when it has gone to somebody else meanwhile, NotFound, NotHostedHere."""
        star = self.star
        machine = star.machine
        if not machine.may_serve():
            raise NotHostedHere(f"{star.text} has lost its lease")
        present = await self.at_home(record.point)
        if present is not None:
            return present
        hosted = machine.driver_of(record.kind)
        coming = self._coming[record.point.text] = star.loop.create_future()
        try:
            assigned = await machine.registry.assign(record.point, star.key, star.incarnation, expected)
            return self._settle(record, hosted, assigned)
        finally:
            del self._coming[record.point.text]
            coming.set_result(None)

    async def recover(self, point: Point) -> Active:
        """A particle that others look for here, and that has not come to life: when the registry says that it lives
        here all the same, its placing was cut off or its release failed, and nobody else will ever place it.

        Raises NotHostedHere when it lives elsewhere, or nowhere, NoDriver, Unavailable."""
        if point.text not in self._leaving:
            record = (await self.star.machine.registry.records((point,))).get(point)
            at = None if record is None else record.assignment
            here = at is not None and (at.star, at.incarnation) == (self.star.key, self.star.incarnation)
            if record is not None and here and point.text not in self._leaving:
                with contextlib.suppress(Conflict):  # somebody else was faster
                    return await self.adopt(record, at)
        raise NotHostedHere(f"{point.text!r} does not live in {self.star.text}")

    async def at_home(self, point: Point) -> Active | None:
        """The particle, if it lives here; one that is just coming is waited for."""
        while True:
            coming = self._coming.get(point.text)
            if coming is None:
                live = self.live.get(point.text)
                return None if live is None or live.gone else live
            await asyncio.shield(coming)

    def _settle(self, record: ParticleRecord, hosted: Served, assigned: Assigned) -> Active:
        star = self.star
        machine = star.machine
        live = Active(record, hosted, star, assignment=assigned.assignment, state=assigned.state)
        live.bind = star.field.first_bind(record, hosted)
        live.watched_until = machine.watches.state_until(live.point)
        if live.text in machine.binds:
            live.watched_until = float("inf")  # others use the bind that it hands out
        self.live[live.text] = live
        if machine.observers:
            machine.observed("particle_provisioned", live.point, star.key)
        return live

    def pin(self, point: Point, kind: str, particle: Particle | None = None, *, owner: Point = HYPERUSER) -> Active:
        """Puts a particle here that the registry does not place: a star, a global, a client. Raises UnknownKind."""
        machine = self.star.machine
        parsed = Kind.parse(kind)
        hosted = machine.hosted.get(parsed.base)
        if hosted is None:
            raise UnknownKind(f"no driver serves {kind!r}", hint="is the plugin `base` disabled?")
        if particle is not None and type(particle) is not hosted.driver.particle:
            hosted = hosted.with_particle(type(particle))
        live = Active(ParticleRecord(point, parsed, owner, Status.READY), hosted, self.star, particle=particle)
        live.bind = hosted.bind
        self.live[live.text] = live
        machine.gravity.places[live.text] = live
        return live

    def remove(self, live: Active) -> None:
        """The particle is not here any more; its waves are answered 421 and find it again."""
        live.gone = True
        live.ready = False  # those who wait for their turn are told to look again
        if self.live.get(live.text) is not live:
            return
        del self.live[live.text]
        machine = self.star.machine
        if machine.gravity.places.get(live.text) is live:
            machine.gravity.drop(live.point)
        if machine.observers:
            machine.observed("particle_released", live.point, self.star.key)

    def lost(self, live: Active) -> None:
        """The particle does not live here any more: nothing of it may be written or answered."""
        _log.info("%s has been taken from %s", live.text, self.star.text, extra={"point": live.text})
        self.remove(live)
        if live.work is not None:
            live.work.give_up()

    def taken(self, live: Active) -> None:
        """As :meth:`lost`, because the registry says so. Why, the change feed will tell: perhaps it was deleted."""
        if self.live.get(live.text) is live:
            self.star.machine.feed.expect(live)
        self.lost(live)

    def of_the_past(self) -> list[Active]:
        """Those that belong to an earlier incarnation of the star: they live elsewhere by now."""
        now = self.star.incarnation
        return [v for v in self.live.values() if v.assignment is not None and v.assignment.incarnation != now]

    async def passivate(self, candidates: list[Active], grace: float) -> int:
        """Takes those in which no wave is under way out of memory: their work is ended, their state saved, their
        assignments released. Returns how many."""
        leaving = {
            live: live.ready for live in candidates if live.quiet and not live.gone and live.assignment is not None
        }
        for live in leaving:
            live.mailbox.busy = True  # nobody else gets a turn from here on,
            live.ready = False  # and a concurrent one begins no wave beside
        return await self._let_go(leaving, grace)

    async def send_away(self, candidates: list[Active], grace: float) -> int:
        """As :meth:`passivate`, but the busy leave too, each behind the wave that it is handling. One that has not
        come to rest after ``grace`` seconds stays."""
        going = [live for live in candidates if not live.gone and live.assignment is not None]
        rests = await asyncio.gather(*(bring_to_rest(live, grace) for live in going))
        return await self._let_go({live: r for live, r in zip(going, rests, strict=True) if r is not None}, grace)

    async def _let_go(self, leaving: dict[Active, bool], grace: float) -> int:
        """Whose turn is ours; and whether they have started."""
        self._leaving.update(live.text for live in leaving)
        try:
            left = await asyncio.gather(*(self._save(live, ready, grace) for live, ready in leaving.items()))
            for live in leaving:
                self.remove(live)
            await self.star.machine.registry.release([end for end in left if end is not None])
        finally:
            for live in leaving:
                self.remove(live)
                self._leaving.discard(live.text)
                live.mailbox.leave()  # those who came meanwhile are told to look again
        return len(leaving)

    async def _save(self, live: Active, ready: bool, grace: float) -> tuple[Point, Assignment] | None:
        """Ends a particle and writes its state; what is to be released, None when it is not ours any more."""
        assert live.assignment is not None
        live.ready = ready
        particle = live.particle if live.ready else None
        await stop(live, grace)
        if particle is not None:
            try:
                await self.star.machine.registry.save_state(live.point, live.assignment, encode_state(particle))
            except NotHostedHere:
                if self.live.get(live.text) is live:
                    self.star.machine.feed.expect(live)
                return None
            except HyperverseError as exc:
                _log.error("%s leaves without what it has not saved itself: %s", live.text, exc)
            except Exception:  # its state cannot be written down: no reason to keep its neighbours from leaving
                _log.exception("%s leaves without what it has not saved itself", live.text)
        return live.point, live.assignment
