"""Membership: stars that join, stay and leave.

A star holds its place in the directory by renewing it. Clocks of machines are not compared. A star stops serving when
three quarters of its lease have passed, by its own clock, since it *began* its last good renewal. Whoever sees a star's
count of renewals stand still for 0.85 of its lease, by the own clock, may expire it. What is seen was begun before, so
the star has stopped by then, unless one of the clocks runs a tenth faster than the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from ...contracts.placement import Candidate
from ...contracts.registry import Assignment, ParticleRecord, StarRecord
from ...errors import HyperverseError, NotHostedHere, Unavailable
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Stars
from ..stars.routes import both_ways, distances_from, paths_from
from ..stars.topology import linked
from .name_claim import claim_name

if TYPE_CHECKING:
    from ..delivery.outbound import Star
    from ..machine import Machine

__all__ = ["Membership"]

_log = logging.getLogger("hyperverse.membership")
_MARGIN = 0.75
"""Part of the lease after which a star that could not renew stops serving."""
_PATIENCE = 0.85
"""Part of the lease after which a star that was not seen to renew is expired."""
_RENEW = 1 / 5
"""Part of the lease between two renewals."""
_LOOK = 1 / 8
"""Part of the lease between two looks at the directory,"""
_CLOSE_LOOK = 1 / 20
"""and while a lane is down, so that whoever is behind it is not missed for long."""


class Membership:
    """The stars of the Hyperverse as this machine knows them, and its own places among them.

    Attributes:
        directory: every announced star.
        serve_until: time of the loop until which this machine's stars may serve.
        ways: for each star of another machine that can be reached, the machine to hand its waves to.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.directory: dict[StarKey, StarRecord] = {}
        self.serve_until = 0.0
        self.ways: dict[str, str] = {}
        self.draining = False
        self._seen: dict[StarKey, tuple[int, int, float]] = {}
        self._placed: dict[StarKey, int] = {}
        self._layout: Mapping[StarKey, object] = {}
        self._sorted: list[tuple[str, StarKey, StarRecord]] = []
        self._possible: dict[str, list[tuple[str, StarKey, StarRecord, Star | None, int]]] = {}
        self._links: dict[StarKey, tuple[StarKey, ...]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._renew_now = asyncio.Event()
        self._reading = asyncio.Lock()
        self._asked = 0
        self._answered = 0
        self._looked = self._renewed = self.loop.time()

    # -- own places ---------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Announces this machine's stars and begins to renew them. Raises Conflict when another machine holds one, or
        goes by the same name."""
        await claim_name(self.machine, _PATIENCE)
        await self._announce()
        self._tasks = [
            self.loop.create_task(self._renewing(), name="renew leases"),
            self.loop.create_task(self._watching(), name="watch stars"),
        ]

    async def _announce(self) -> None:
        begun = self.loop.time()
        for star in self.machine.stars.values():
            record = await self.machine.registry.announce(self._record(star))
            star.incarnation = record.incarnation
            self.directory[star.key] = record
            for live in star.hosting.of_the_past():
                star.hosting.lost(live)  # it came to life here while the lease was lost
        self._hold_until(begun + self.machine.config.lease * _MARGIN)
        await self.refresh()

    def _hold_until(self, when: float) -> None:
        """Until then nobody may take the places of this machine's stars, so they may serve."""
        self.serve_until = when
        for star in self.machine.stars.values():
            star.serve_until = when

    def _record(self, star: Star) -> StarRecord:
        machine = self.machine
        return StarRecord(
            key=star.key,
            kind=star.kind.name,
            machine=machine.name,
            address=machine.switchboard.address,
            server_key=machine.switchboard.server_key,
            kinds=tuple(sorted(name for name in machine.hosted if star.hosting.can_host(name))),
            links=self._links_of(star),
            particles=len(star.hosting),
            incarnation=star.incarnation,
            lease=machine.config.lease,
            draining=self.draining,
            pid=os.getpid(),
        )

    def _links_of(self, star: Star) -> tuple[StarKey, ...]:
        links = self._links.get(star.key)
        if links is None:
            known = {*self.machine.stars, *self.directory}
            links = self._links[star.key] = linked(star.key, star.links, known, self.machine.config.constellation)
        return links

    async def announce_changes(self) -> None:
        """Tells the others at once what has changed about this machine's stars. Raises Unavailable."""
        await self.machine.registry.renew([self._record(star) for star in self.machine.stars.values()])
        await self.refresh()

    def changed(self) -> None:
        """What this machine's stars can do has changed: tell the others soon."""
        self._possible.clear()
        self._renew_now.set()

    async def _renewing(self) -> None:
        lease = self.machine.config.lease
        while True:
            begun = self.loop.time()
            try:
                records = [self._record(star) for star in self.machine.stars.values()]
                async with asyncio.timeout(lease):
                    await self.machine.registry.renew(records)
                self._hold_until(begun + lease * _MARGIN)
                self._renewed = self.loop.time()
                for record in records:
                    self.directory[record.key] = attrs.evolve(record, renewals=-1)
            except NotHostedHere as exc:
                _log.warning("this machine's stars were given up on, it takes its places again: %s", exc)
                await self._rejoin()
            except (HyperverseError, TimeoutError) as exc:
                _log.warning("the leases could not be renewed: %s", str(exc) or "no answer in time")
            except Exception:
                _log.exception("the leases could not be renewed; please report it")
            self._renew_now.clear()
            try:
                async with asyncio.timeout(lease * _RENEW):
                    await self._renew_now.wait()
            except TimeoutError:
                continue

    async def _rejoin(self) -> None:
        """The others have released our particles: forget ours, and come back as a new incarnation."""
        self._hold_until(0.0)
        self.machine.lose_everything()
        try:
            await self._announce()
        except HyperverseError as exc:
            _log.error("this machine's stars cannot take their places: %s", exc)

    async def leave(self) -> None:
        """Stops renewing and takes this machine's stars from the directory."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._hold_until(0.0)
        own = [self._record(star) for star in self.machine.stars.values() if star.incarnation]
        try:
            if own:
                await self.machine.registry.withdraw(own)
        except HyperverseError as exc:
            _log.warning("this machine's stars could not be withdrawn, so their leases have to run out: %s", exc)

    # -- the others ---------------------------------------------------------------------------------------

    async def _watching(self) -> None:
        """Expires stars of other machines that stand still."""
        lease = self.machine.config.lease
        while True:
            part = _CLOSE_LOOK if self.machine.switchboard.any_down() else _LOOK
            await asyncio.sleep(lease * part)
            try:
                async with asyncio.timeout(lease):
                    await self.refresh()
                    for record in self._overdue():
                        _log.warning("%s of machine %s does not renew its lease", record.key, record.machine)
                        await self.machine.registry.expire(record)
            except (HyperverseError, TimeoutError) as exc:
                _log.warning("the directory of stars could not be read: %s", str(exc) or "no answer in time")
            except Exception:
                _log.exception("the directory of stars could not be followed; please report it")

    async def refresh(self) -> None:
        """Reads the directory: what was announced before the call is known when it returns. Raises Unavailable."""
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered >= mine:
                return  # a reading that began after our call has just ended
            upto = self._asked
            records = {record.key: record for record in await self.machine.registry.stars()}
            self._answered = upto
            self._take_directory(records, self.loop.time())  # not before: a renewal may have come while we waited

    def _take_directory(self, records: dict[StarKey, StarRecord], now: float) -> None:
        self._forgive(now)
        for key, record in records.items():
            seen = self._seen.get(key)
            if seen is None or seen[:2] != (record.incarnation, record.renewals):
                self._seen[key] = (record.incarnation, record.renewals, now)
        if self.directory.keys() != records.keys():
            self._links.clear()
        for key in self.directory.keys() - records.keys():
            self._seen.pop(key, None)
            self.machine.gravity.forget_star(str(key))
        for key, record in records.items():
            known = self.directory.get(key)
            if known is not None and known.incarnation != record.incarnation:
                self.machine.gravity.forget_star(str(key))
        self.directory = records
        self._placed.clear()
        self._possible.clear()
        self._sorted = sorted((str(key), key, record) for key, record in records.items())
        layout = {k: (r.incarnation, r.links, r.machine, r.kind) for k, r in records.items()}
        if layout != self._layout:
            self._layout = layout
            self.find_ways()
            self.machine.switchboard.stars_changed()

    def _forgive(self, now: float) -> None:
        """When nobody has looked for a while (this process slept, the registry was away), or when we cannot renew
        either (the registry takes no writes), the others are not to blame for standing still: that time does not
        count."""
        gap = now - self._looked
        self._looked = now
        lease = self.machine.config.lease
        if gap > lease / 2 or now - self._renewed > lease * _RENEW * 2:
            self._seen = {key: (*seen[:2], seen[2] + gap) for key, seen in self._seen.items()}

    def _overdue(self) -> list[StarRecord]:
        now = self.loop.time()
        return [
            record
            for key, record in self.directory.items()
            if key not in self.machine.stars and now - self._seen[key][2] > record.lease * _PATIENCE
        ]

    def find_ways(self) -> None:
        """Works the ways out anew: the directory has changed, or a lane has come up or gone down."""
        self._possible.clear()
        down = self.machine.switchboard.is_down
        own = self.machine.name
        unreachable = {str(r.key) for r in self.directory.values() if r.machine != own and down(r.machine)}
        ours = {str(key) for key in self.machine.stars}
        links = both_ways({str(r.key): frozenset(map(str, r.links)) for r in self.directory.values()})
        for text in ours & links.keys():  # a lane that is down leads nowhere; others may still have one
            links[text] -= unreachable
        for text in unreachable:
            links[text] -= ours
        kinds = {str(r.key): r.kind for r in self.directory.values()}

        def forwards(star: str) -> bool:
            kind = self.machine.plugins.star_kinds.get(kinds[star])
            return kind is not None and kind.forwards

        for star in self.machine.stars.values():
            star.distances = distances_from(star.text, links, forwards)
        machines = {str(r.key): r.machine for r in self.directory.values()}
        path = paths_from(self.machine.machine_star.text, links, forwards)
        self.ways = {
            text: next(machines[step] for step in steps if machines[step] != own)
            for text, steps in path.items()
            if machines.get(text, own) != own
        }

    def way_to(self, star: str) -> str:
        """Name of the machine to hand a wave for ``star`` to. Raises Unavailable when there is no way."""
        way = self.ways.get(star)
        if way is None:
            raise Unavailable(self._no_way(star), hint="see `hyperverse stars`", retry_after=0.5)
        return way

    def _no_way(self, star: str) -> str:
        """Why there is none, for whoever has to mend it."""
        record = self.directory.get(StarKey.parse(star))
        if record is None:
            return f"there is no way to {star}: it is not in the directory of stars"
        cause = self.machine.switchboard.cause_of(record.machine)
        return f"there is no way to {star}" + (f": the lane to {record.machine!r} is down: {cause}" if cause else "")

    def no_other_way(self, star: str) -> str:
        """Why a star cannot be reached from here but through machines that sent us the wave."""
        record = self.directory.get(StarKey.parse(star))
        cause = self.machine.switchboard.cause_of(record.machine) if record is not None else ""
        own = self.machine.name
        why = f": the lane from {own!r} to {record.machine!r} is down: {cause}" if record is not None and cause else ""
        return f"the only way to {star} leads back" + why

    def machines(self) -> dict[str, StarRecord]:
        """Every other machine, by name, with the record of one of its stars."""
        own = self.machine.name
        return {r.machine: r for r in self.directory.values() if r.machine != own}

    def machine_record(self, name: str) -> StarRecord | None:
        """The record of one star of that machine."""
        return self.machines().get(name)

    def holds(self, assignment: Assignment) -> bool:
        """Whether the star of an assignment is still there, in the same incarnation."""
        record = self.directory.get(assignment.star)
        return record is not None and record.incarnation == assignment.incarnation

    def incarnation_of(self, key: StarKey) -> int:
        """Of a star as it is announced now, 0 when it is not."""
        record = self.directory.get(key)
        return record.incarnation if record is not None else 0

    async def has_left(self, key: StarKey, incarnation: int) -> bool:
        """Whether a star that cannot be reached is not announced any more, as far as that can be known now."""
        if self.incarnation_of(key) == incarnation:
            try:
                await self.refresh()
            except HyperverseError:
                return False
        return self.incarnation_of(key) != incarnation

    def is_there(self, star: str, incarnation: int) -> bool:
        """Whether a star, by the text of its key, is announced in that incarnation."""
        record = self.directory.get(StarKey.parse(star))
        return record is not None and record.incarnation == incarnation

    def candidates(self, record: ParticleRecord) -> list[Candidate]:
        """The stars that can take a particle, in the order of their keys."""
        kind = record.kind.base
        possible = self._possible.get(kind)
        if possible is None:
            possible = self._possible[kind] = self._possible_for(kind)
        above = record.point.parent
        parent = self.machine.gravity.places.get(above.text) if above is not None else None
        near = parent.star.text if parent is not None else ""
        return [
            Candidate(
                key,
                len(own.hosting.live) if own is not None else star.particles + self._placed.get(key, 0),
                hops,
                text == near,
                own is not None,
            )
            for text, key, star, own, hops in possible
        ]

    def _possible_for(self, kind: str) -> list[tuple[str, StarKey, StarRecord, Star | None, int]]:
        """The stars that host a Kind; worked out once for each state of the directory."""
        distances = self.machine.machine_star.distances
        found = []
        for text, key, star in self._sorted:
            own = self.machine.stars.get(key)
            hosts = own.hosting.can_host(kind) if own is not None else kind in star.kinds
            if hosts and not star.draining and text in distances:
                found.append((text, key, star, own, distances[text]))
        return found

    def placed(self, key: StarKey) -> None:
        """A particle was given to a star of another machine; its own count comes with its next renewal."""
        self._placed[key] = self._placed.get(key, 0) + 1

    def star_points(self, to: Stars, asking: Star) -> list[Point]:
        """The points of the stars that are meant."""
        return [
            Point.of_star(key)
            for key, record in sorted(self.directory.items(), key=lambda entry: str(entry[0]))
            if (to.kind is None or record.kind == to.kind) and (not to.adjacent or asking.distances.get(str(key)) == 1)
        ]
