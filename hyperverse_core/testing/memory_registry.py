"""A registry in memory, for tests and simulations.

It implements the contract with dicts. Only :meth:`MemoryRegistry.changes` ever waits, so each method is atomic by
nature. Time comes from the event loop, which may be a virtual one.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import attrs

from ..contracts.registry import (
    Assigned,
    Assignment,
    ChangeKind,
    Changes,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    StarRecord,
    Status,
    Strategy,
    check_new_states,
    check_state,
    check_texts,
    refusals,
)
from ..errors import Unavailable
from ..universe.address.point import HYPERUSER, ROOT, Point
from ..universe.address.star_key import StarKey
from ..universe.kind_defs.properties import SetProperty, UnsetProperty
from ..universe.kinds.kind import Kind
from ..universe.selectors.selector import Selector
from .memory_feed import MemoryFeed
from .memory_particle import MemoryParticle, is_hosted
from .memory_trust import MemoryTrust

__all__ = ["MemoryRegistry"]


class MemoryRegistry(MemoryTrust):
    """A registry in memory.

    Several machines of one process may share one object. Its content survives a close, and is lost with the object.

    Args:
        feed: number of entries of the change feed that are kept.
    """

    def __init__(self, *, feed: int = 100_000) -> None:
        super().__init__(MemoryFeed(feed))
        self._particles: dict[Point, MemoryParticle] = {}
        self._order: list[Point] = []
        self._stars: dict[StarKey, StarRecord] = {}
        self._incarnations: dict[StarKey, int] = {}
        self._openings = 0
        self._put(ParticleRecord(ROOT, Kind("Root"), HYPERUSER, Status.READY))

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        self._openings += 1
        self._feed.open()

    async def close(self) -> None:
        self._openings = max(self._openings - 1, 0)
        if not self._openings:
            self._feed.close()

    def _check_open(self) -> None:
        if not self._openings:
            raise Unavailable("the registry is closed")

    # -- particles ----------------------------------------------------------------------------------------

    async def register(self, registration: Registration) -> Registered:
        self._check_open()
        check_new_states(registration)
        point = registration.point
        existing = self._particles.get(point)
        if existing is not None:
            return self._register_again(self._read(existing), registration)
        parent = registration.needed_parent
        if parent is not None and parent not in self._particles:
            raise refusals.no_parent(point)
        fault = registration.misplaced(self._particles)
        if fault is not None:
            raise fault
        for one in (registration, *registration.below):
            self._put(one.record(), one.state)
            self._feed.log(ChangeKind.REGISTERED, one.point)
        return Registered(self._particles[point].record, created=True)

    def _register_again(self, existing: ParticleRecord, registration: Registration) -> Registered:
        point = registration.point
        if registration.strategy is not Strategy.OVERRIDE:
            return registration.ensured(existing)
        if registration.below:
            raise refusals.has_what_is_below(point)
        if existing.kind != registration.kind and (point.is_root or any(self._below(point))):
            raise refusals.has_children(point, existing.kind, registration.kind)
        record = registration.record()
        particle = self._particles[point]
        particle.record, particle.state = record, registration.state
        if existing.assignment is not None:
            self._feed.log(ChangeKind.RELEASED, point, particle.epoch)
        self._feed.log(ChangeKind.REGISTERED, point)
        self._feed.log(ChangeKind.OWNER, point)  # its new owner and Kind may change what it may do
        return Registered(record, created=True)

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        self._check_open()
        return {point: self._read(self._particles[point]) for point in points if point in self._particles}

    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        self._check_open()
        return self._page(self._below(point), after, limit, lambda record: record.point.parent == point)

    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        self._check_open()
        below = [point for point in self._order if point.route.is_local]

        def is_meant(record: ParticleRecord) -> bool:
            line = [record.point, *record.point.ancestors()]
            kinds = [self._particles[point].record.kind for point in reversed(line) if not point.is_root]
            return selector.matches(record.point, kinds)

        return self._page(below, after, limit, is_meant)

    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        self._check_open()
        if ROOT in points:
            raise refusals.root_stays()
        doomed = {found for point in points for found in (point, *self._below(point)) if found in self._particles}
        deleted = [self._read(self._particles[point]) for point in sorted(doomed, key=lambda p: (-len(p.segments), p))][
            :limit
        ]
        doomed = {record.point for record in deleted}
        for record in deleted:
            epoch = self._particles.pop(record.point).epoch
            self._feed.log(ChangeKind.DELETED, record.point, epoch)
        self._order = [point for point in self._order if point in self._particles]
        for grant in list(self._grants.values()):
            if grant.by in doomed or grant.on.only_point in doomed or grant.to.only_point in doomed:
                del self._grants[grant.id]
                self._feed.log(ChangeKind.REVOKED, grant.on.query_root)
        for token in [token for token in self._tokens.values() if token.agent in doomed]:
            del self._tokens[token.digest]
            self._feed.log(ChangeKind.TOKEN, token.agent)
        return deleted

    async def set_status(self, point: Point, status: Status) -> None:
        self._check_open()
        self._change(self._at(point), ChangeKind.STATUS, status=status)

    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        self._check_open()
        after = [(self._at(point), self._at(point).record.changed(changes)) for point in dict.fromkeys(points)]
        for particle, properties in after:
            self._change(particle, ChangeKind.PROPERTIES, properties=properties)

    async def replace_values(self, point: Point, values: Mapping[str, tuple[str, str]]) -> bool:
        self._check_open()
        particle = self._particles.get(point)
        after = None if particle is None else particle.record.replaced(values)
        if particle is None or after is None:
            return False
        self._change(particle, ChangeKind.PROPERTIES, properties=after)
        return True

    async def sequence(self, point: Point) -> int:
        self._check_open()
        particle = self._at(point)
        particle.sequence += 1
        return particle.sequence

    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        self._check_open()
        for particle in [self._at(point) for point in points]:
            self._change(particle, ChangeKind.OWNER, owner=owner)

    # -- where they live ----------------------------------------------------------------------------------

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        self._check_open()
        particle = self._at(point)
        last, held = particle.record.assignment, self._read(particle).assignment
        if expected not in (last, held):
            raise refusals.assigned_otherwise(point, held)
        if star not in self._stars or self._stars[star].incarnation != incarnation:
            raise refusals.incarnation_not_announced(star, incarnation)
        particle.epoch += 1
        self._feed.log(ChangeKind.ASSIGNED, point, particle.epoch)
        assignment = Assignment(star, incarnation, particle.epoch)
        particle.record = attrs.evolve(particle.record, assignment=assignment, status=Status.READY)
        return Assigned(assignment, particle.state)

    async def release(self, assignments: Sequence[tuple[Point, Assignment]]) -> None:
        self._check_open()
        for point, assignment in assignments:
            particle = self._particles.get(point)
            if particle is not None and self._read(particle).assignment == assignment:
                self._change(particle, ChangeKind.RELEASED, assignment=None)

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        self._check_open()
        check_state(point, state)
        particle = self._particles.get(point)
        if particle is None or self._read(particle).assignment != assignment:
            raise refusals.state_not_saved(point, assignment)
        particle.state = state
        if announce:
            self._feed.log(ChangeKind.STATE, point)

    async def load_state(self, point: Point) -> bytes | None:
        self._check_open()
        return self._at(point).state

    # -- stars --------------------------------------------------------------------------------------------

    async def announce(self, star: StarRecord) -> StarRecord:
        self._check_open()
        check_texts((star,))
        held = self._stars.get(star.key)
        if held is not None and held.machine != star.machine:
            raise refusals.star_held(held)
        known = max(self._incarnations.get(star.key, 0), star.incarnation)
        incarnation = self._incarnations[star.key] = known + 1
        announced = self._stars[star.key] = attrs.evolve(star, incarnation=incarnation, renewals=0)
        self._feed.log(ChangeKind.STAR, Point.of_star(star.key))
        return announced

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        self._check_open()
        check_texts(stars)
        gone = [star for star in stars if not self._is_announced(star)]
        if gone:
            raise refusals.not_in_directory(gone)
        for star in stars:
            held = self._stars[star.key]
            self._stars[star.key] = attrs.evolve(
                held,
                renewals=held.renewals + 1,
                particles=star.particles,
                kinds=star.kinds,
                links=star.links,
                address=star.address,
                server_key=star.server_key,
                draining=star.draining,
                facts=star.facts,
            )
            if _told(held) != _told(star):
                self._feed.log(ChangeKind.STAR, Point.of_star(star.key))

    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        self._check_open()
        for star in stars:
            if self._is_announced(star):
                self._take_out(star.key)

    async def expire(self, star: StarRecord) -> bool:
        self._check_open()
        held = self._stars.get(star.key)
        if held is None or (held.incarnation, held.renewals) != (star.incarnation, star.renewals):
            return False
        self._take_out(star.key)
        return True

    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        self._check_open()
        wanted = self._stars if keys is None else self._stars.keys() & set(keys)
        return [self._stars[key] for key in sorted(wanted)]

    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        self._check_open()
        return self._page(self._order, after, limit, lambda record: is_hosted(record, star))

    # -- the change feed ----------------------------------------------------------------------------------

    async def revision(self) -> int:
        self._check_open()
        return self._feed.revision

    async def changes(self, since: int, *, timeout: float) -> Changes:
        self._check_open()
        return await self._feed.changes(since, timeout)

    # -- inside -------------------------------------------------------------------------------------------

    def _put(self, record: ParticleRecord, state: bytes | None = None) -> None:
        # Its epochs begin after all that a deleted particle at its point can have had: each was an entry of the feed.
        self._particles[record.point] = MemoryParticle(record, state, epoch=self._feed.revision)
        bisect.insort(self._order, record.point)

    def _at(self, point: Point) -> MemoryParticle:
        particle = self._particles.get(point)
        if particle is None:
            raise refusals.not_registered((point,))
        return particle

    def _read(self, particle: MemoryParticle) -> ParticleRecord:
        """The record as others read it: an assignment holds as long as its star is announced in that incarnation."""
        record = particle.record
        if record.assignment is None:
            return record
        star = self._stars.get(record.assignment.star)
        holds = star is not None and star.incarnation == record.assignment.incarnation
        return record if holds else attrs.evolve(record, assignment=None)

    def _change(self, particle: MemoryParticle, kind: ChangeKind, **values: object) -> None:
        after = attrs.evolve(particle.record, **values)  # type: ignore[arg-type]  # callers name fields
        if after != particle.record:
            particle.record = after
            self._feed.log(kind, after.point, particle.epoch)

    def _below(self, point: Point) -> Iterator[Point]:
        if point.is_root:
            return (found for found in self._order if point.is_ancestor_of(found))
        prefix = point.text
        start = bisect.bisect_right(self._order, point)
        end = bisect.bisect_left(self._order, prefix + chr(0x10FFFF), key=str)
        return (found for found in self._order[start:end] if point.is_ancestor_of(found))

    def _page(
        self,
        points: Iterable[Point],
        after: Point | None,
        limit: int,
        is_meant: Callable[[ParticleRecord], bool],
    ) -> Page:
        found: list[ParticleRecord] = []
        for point in points:
            record = self._read(self._particles[point])
            if (after is None or after < point) and is_meant(record):
                if len(found) == max(limit, 1):
                    return Page(tuple(found), after=found[-1].point)
                found.append(record)
        return Page(tuple(found))

    def _is_announced(self, star: StarRecord) -> bool:
        held = self._stars.get(star.key)
        return held is not None and held.incarnation == star.incarnation

    def _take_out(self, key: StarKey) -> None:
        del self._stars[key]
        self._feed.log(ChangeKind.STAR, Point.of_star(key))


def _told(star: StarRecord) -> tuple[object, ...]:
    """The values that a renewal may change and the change feed reports."""
    return star.kinds, star.links, star.address, star.server_key, star.draining
