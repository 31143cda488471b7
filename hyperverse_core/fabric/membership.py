"""Membership: stars that join, stay and leave.

A star holds its place in the directory by renewing it. Clocks of machines are not compared: whoever sees a star's
count of renewals stand still for its lease, by the own clock, may expire it; the star itself stops serving when
the same time has passed since it *began* its last renewal, which is always earlier.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from ..contracts.placement import Candidate
from ..contracts.registry import Assignment, ParticleRecord, StarRecord
from ..errors import HyperverseError, NotHostedHere, Unavailable
from ..universe.point import Point
from ..universe.star_key import StarKey
from ..universe.wave import Stars
from .composition import linked
from .routes import both_ways, distances_from, next_hops

if TYPE_CHECKING:
    from .machine import Machine
    from .star import Star

__all__ = ["Membership"]

_log = logging.getLogger("hyperverse.membership")
_MARGIN = 0.8
"""Part of the lease after which a star that could not renew stops serving."""


class Membership:
    """The stars of the Hyperverse as this machine knows them, and its own places among them.

    Attributes:
        directory: every announced star.
        serve_until: time of the loop until which this machine's stars may serve.
        next_hop: for each own star, the first star on the way to each other.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.loop = asyncio.get_running_loop()
        self.directory: dict[StarKey, StarRecord] = {}
        self.serve_until = 0.0
        self.next_hop: dict[str, dict[str, str]] = {}
        self.draining = False
        self._seen: dict[StarKey, tuple[int, int, float]] = {}
        self._placed: dict[StarKey, int] = {}
        self._layout: Mapping[StarKey, object] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._renew_now = asyncio.Event()

    # -- own places ---------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Announces this machine's stars and begins to renew them. Raises Conflict when another machine holds one."""
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
        self.serve_until = begun + self.machine.config.lease * _MARGIN
        await self.refresh()

    def _record(self, star: Star) -> StarRecord:
        machine = self.machine
        return StarRecord(
            key=star.key,
            kind=star.kind.name,
            machine=machine.name,
            address=machine.switchboard.address,
            door_key=machine.switchboard.door_key,
            kinds=tuple(sorted(name for name in machine.hosted if star.hosting.can_host(name))),
            links=linked(star.key, star.links, {*self.machine.stars, *self.directory}),
            particles=len(star.hosting),
            incarnation=star.incarnation,
            lease=machine.config.lease,
            draining=self.draining,
            pid=os.getpid(),
        )

    async def announce_changes(self) -> None:
        """Tells the others at once what has changed about this machine's stars. Raises Unavailable."""
        await self.machine.registry.renew([self._record(star) for star in self.machine.stars.values()])
        await self.refresh()

    def changed(self) -> None:
        """What this machine's stars can do has changed: tell the others soon."""
        self._renew_now.set()

    async def _renewing(self) -> None:
        lease = self.machine.config.lease
        while True:
            begun = self.loop.time()
            try:
                records = [self._record(star) for star in self.machine.stars.values()]
                async with asyncio.timeout(lease):
                    await self.machine.registry.renew(records)
                self.serve_until = begun + lease * _MARGIN
                for record in records:
                    self.directory[record.key] = attrs.evolve(record, renewals=-1)
            except NotHostedHere as exc:
                _log.warning("this machine's stars were given up on, it takes its places again: %s", exc)
                await self._rejoin()
            except (HyperverseError, TimeoutError) as exc:
                _log.warning("the leases could not be renewed: %s", exc or "no answer in time")
            self._renew_now.clear()
            try:
                async with asyncio.timeout(lease / 4):
                    await self._renew_now.wait()
            except TimeoutError:
                continue

    async def _rejoin(self) -> None:
        """The others have released our particles: forget ours, and come back as a new incarnation."""
        self.serve_until = 0.0
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
        self.serve_until = 0.0
        own = [self._record(star) for star in self.machine.stars.values() if star.incarnation]
        if own:
            await self.machine.registry.withdraw(own)

    # -- the others ---------------------------------------------------------------------------------------

    async def _watching(self) -> None:
        """Expires stars of other machines that stand still."""
        while True:
            await asyncio.sleep(self.machine.config.lease / 4)
            try:
                await self.refresh()
                for record in self._overdue():
                    _log.warning("%s of machine %s does not renew its lease", record.key, record.machine)
                    await self.machine.registry.expire(record)
            except HyperverseError as exc:
                _log.warning("the directory of stars could not be read: %s", exc)

    async def refresh(self) -> None:
        """Reads the directory."""
        now = self.loop.time()
        records = {record.key: record for record in await self.machine.registry.stars()}
        for key, record in records.items():
            seen = self._seen.get(key)
            if seen is None or seen[:2] != (record.incarnation, record.renewals):
                self._seen[key] = (record.incarnation, record.renewals, now)
        for key in self.directory.keys() - records.keys():
            self._seen.pop(key, None)
            self.machine.gravity.forget_star(str(key))
        for key, record in records.items():
            known = self.directory.get(key)
            if known is not None and known.incarnation != record.incarnation:
                self.machine.gravity.forget_star(str(key))
        self.directory = records
        self._placed.clear()
        layout = {k: (r.incarnation, r.links, r.machine, r.kind) for k, r in records.items()}
        if layout != self._layout:
            self._layout = layout
            self.find_ways()
            self.machine.switchboard.stars_changed()

    def _overdue(self) -> list[StarRecord]:
        now = self.loop.time()
        return [
            record
            for key, record in self.directory.items()
            if key not in self.machine.stars and now - self._seen[key][2] > record.lease
        ]

    def find_ways(self) -> None:
        """Works the ways out anew: the directory has changed, or a lane has come up or gone down."""
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

        self.next_hop = {}
        for star in self.machine.stars.values():
            star.distances = distances_from(star.text, links, forwards)
            self.next_hop[star.text] = next_hops(star.text, links, forwards)

    def way_to(self, star: str) -> str:
        """Name of the machine to hand a wave for ``star`` to. Raises Unavailable when there is no way."""
        here = self.machine.machine_star.text
        step: str | None = here
        for _ in range(len(self.machine.stars) + 1):
            step = self.next_hop.get(step or "", {}).get(star)
            if step is None:
                break
            record = self.directory.get(StarKey.parse(step))
            if record is None:
                break
            if record.machine != self.machine.name:
                return record.machine
        raise Unavailable(f"there is no way to {star}", hint="see `hyperverse stars`", retry_after=0.5)

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

    def candidates(self, record: ParticleRecord) -> list[Candidate]:
        """The stars that can take a particle, in the order of their keys."""
        machine = self.machine
        kind = record.kind.base
        parent = machine.gravity.places.get(record.point.parent.text) if record.point.parent else None
        near = parent.star.text if parent is not None else ""
        first = next(iter(machine.stars.values()))
        found = []
        for key in sorted(self.directory, key=str):
            star = self.directory[key]
            own = machine.stars.get(key)
            if star.draining or not (own.hosting.can_host(kind) if own else kind in star.kinds):
                continue
            count = len(own.hosting) if own else star.particles + self._placed.get(key, 0)
            hops = first.distances.get(str(key))
            if hops is None:
                continue
            found.append(Candidate(key, count, hops, str(key) == near, own is not None))
        return found

    def placed(self, key: StarKey) -> None:
        """A particle was given to a star of another machine; its own count comes with its next renewal."""
        self._placed[key] = self._placed.get(key, 0) + 1

    def star_points(self, to: Stars, asking: Star) -> list[Point]:
        """The points of the stars that are meant."""
        return [
            key.point
            for key, record in sorted(self.directory.items(), key=lambda entry: str(entry[0]))
            if (to.kind is None or record.kind == to.kind) and (not to.adjacent or asking.distances.get(str(key)) == 1)
        ]
