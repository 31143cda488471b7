"""The kit catches registries that are wrong when calls meet: those of processes, cancelled ones, and a close."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import attrs
import pytest

from hyperverse_core.errors import NotHostedHere
from hyperverse_core.registry import (
    Assigned,
    Assignment,
    Change,
    ChangeKind,
    Changes,
    MachineKey,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    StarRecord,
    Status,
    Strategy,
    TokenRecord,
)
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.values import Point, SetProperty, StarKey, UnsetProperty
from registry.failing_kit import Process, fails, run

_EVERYBODY = "test_everybody_reads_what_was_written_last_whoever_wrote_it"
_ALIKE = "test_texts_that_differ_in_little_are_different"
_WHOLE = "test_a_write_is_seen_as_a_whole_or_not_at_all_also_when_its_caller_was_cancelled"
_AT_ONCE = "test_what_processes_write_at_once_is_in_the_feed_as_one_history"


class FencesByWhatItKnows(Process):
    """Compares with the assignments that this process has made, not with those in the store."""

    def __init__(self, shared: MemoryRegistry, number: int) -> None:
        super().__init__(shared, number)
        self._made: dict[Point, Assignment] = {}

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        assigned = await self.shared.assign(point, star, incarnation, expected)
        self._made[point] = assigned.assignment
        return assigned

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        if self._made.get(point) != assignment:
            raise NotHostedHere("it is hosted elsewhere")
        self.shared._particles[point].state = state


class KnowsItsStars(Process):
    """Does not look whether the stars that it has announced are still announced."""

    def __init__(self, shared: MemoryRegistry, number: int) -> None:
        super().__init__(shared, number)
        self._announced: dict[StarKey, int] = {}

    async def announce(self, star: StarRecord) -> StarRecord:
        announced = await self.shared.announce(star)
        self._announced[star.key] = announced.incarnation
        return announced

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        if all(self._announced.get(star.key) == star.incarnation for star in stars):
            return
        await self.shared.renew(stars)


class KeepsTokens(Process):
    """Remembers the tokens that it has seen."""

    def __init__(self, shared: MemoryRegistry, number: int) -> None:
        super().__init__(shared, number)
        self._seen: dict[str, TokenRecord] = {}

    async def token(self, digest: str) -> TokenRecord | None:
        found = self._seen.get(digest) or await self.shared.token(digest)
        if found is not None:
            self._seen[digest] = found
        return found


class KeepsRecords(Process):
    """Reads a record again when it has written itself."""

    def __init__(self, shared: MemoryRegistry, number: int) -> None:
        super().__init__(shared, number)
        self._seen: dict[Point, ParticleRecord] = {}

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        points = list(points)
        found = await self.shared.records(points)
        return {point: self._seen.setdefault(point, record) for point, record in found.items()}

    async def set_status(self, point: Point, status: Status) -> None:
        self._seen.clear()
        await self.shared.set_status(point, status)


class PagesOfTheFirstStatus(MemoryRegistry):
    """Has an index for pages that it does not update."""

    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        page = await super().children(point, after=after, limit=limit)
        return attrs.evolve(page, records=tuple(attrs.evolve(one, status=Status.PENDING) for one in page.records))


class TokensByLowerCase(MemoryRegistry):
    """As a database whose texts are equal when their capitals differ."""

    async def token(self, digest: str) -> TokenRecord | None:
        return next((token for token in self._tokens.values() if token.digest.lower() == digest.lower()), None)


class KeysByLowerCase(MemoryRegistry):
    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        await super().set_machine_keys(keys, invitation=invitation)
        known: dict[str, MachineKey] = {}
        for key in self._machine_keys.values():
            known[key.key.lower()] = key
        self._machine_keys = {(key.transport, key.key): key for key in known.values()}


class TrimsDigests(MemoryRegistry):
    async def token(self, digest: str) -> TokenRecord | None:
        return next((token for token in self._tokens.values() if token.digest.strip() == digest.strip()), None)


class NumbersByASequence(MemoryRegistry):
    """Gives an entry its number when its write begins, and shows it when the write is committed: who has read a greater
    number meanwhile never sees it."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[int] = set()
        self._writes = 0

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        before = self._feed.revision
        assigned = await super().assign(point, star, incarnation, expected)
        mine = set(range(before + 1, self._feed.revision + 1))
        self._begun |= mine
        self._writes += 1
        for _ in range(self._writes % 4):
            await asyncio.sleep(0)
        self._begun -= mine
        return assigned

    async def changes(self, since: int, *, timeout: float) -> Changes:
        await asyncio.sleep(0)
        found = await super().changes(since, timeout=min(timeout, 0.001))
        seen = tuple(entry for entry in found.entries if entry.revision not in self._begun)
        return attrs.evolve(found, entries=seen, revision=seen[-1].revision if seen else since)


class SwapsAssignments(MemoryRegistry):
    """Two assignments of one particle that follow each other are the wrong way round."""

    async def changes(self, since: int, *, timeout: float) -> Changes:
        await asyncio.sleep(0.01)  # for more than one
        found = await super().changes(since, timeout=timeout)
        entries = list[Change](found.entries)
        last: dict[Point, int] = {}
        for place, entry in enumerate(entries):
            before = last.get(entry.point)
            last[entry.point] = place
            if before is not None and entry.kind is entries[before].kind is ChangeKind.ASSIGNED:
                entries[place] = attrs.evolve(entry, epoch=entries[before].epoch)
                entries[before] = attrs.evolve(entries[before], epoch=entry.epoch)
        return attrs.evolve(found, entries=tuple(entries))


class HasAnOrderForEachProcess(Process):
    """The entries of one particle are in their order, but those of several are not in the same for everybody."""

    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await self.shared.changes(since, timeout=timeout)
        if self.number % 2:
            return found
        places = [entry.revision for entry in found.entries]
        ordered = sorted(found.entries, key=lambda entry: entry.point)
        entries = (attrs.evolve(entry, revision=place) for entry, place in zip(ordered, places, strict=True))
        return attrs.evolve(found, entries=tuple(entries))


class WritesPointByPoint(MemoryRegistry):
    """Lets others in between two points."""

    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        for point in points:
            await super().set_properties([point], changes)
            await asyncio.sleep(0)


class ChownsPointByPoint(MemoryRegistry):
    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        for point in points:
            await super().chown([point], owner)
            await asyncio.sleep(0)


class RegistersOneByOne(MemoryRegistry):
    async def register(self, registration: Registration) -> Registered:
        registered = await super().register(attrs.evolve(registration, below=()))
        for below in registration.below:
            await asyncio.sleep(0)
            await super().register(below)
        return registered


class StoresKeysOneByOne(MemoryRegistry):
    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        for key in keys:
            await super().set_machine_keys([key], invitation=invitation)
            await asyncio.sleep(0)


class KeepsItsLock(MemoryRegistry):
    """Does not give its lock back when the caller was cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = asyncio.Lock()

    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        await self._lock.acquire()
        await asyncio.sleep(0)
        await super().chown(points, owner)
        self._lock.release()


class SavesByAnyConnection(MemoryRegistry):
    """One save overtakes another."""

    _saves = 0

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        self._saves += 1
        for _ in range(self._saves % 3):
            await asyncio.sleep(0)
        await super().save_state(point, assignment, state, announce=announce)


class FinishesCancelledSavesLater(MemoryRegistry):
    def __init__(self) -> None:
        super().__init__()
        self._late: list[asyncio.Task[None]] = []

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._late.append(asyncio.create_task(self._save(point, assignment, state)))
            raise
        await super().save_state(point, assignment, state, announce=announce)

    async def _save(self, point: Point, assignment: Assignment, state: bytes) -> None:
        await asyncio.sleep(0)
        await super().save_state(point, assignment, state)


class ForgetsWhatIsUnderWay(MemoryRegistry):
    """Never answers a call that is under way when it is closed."""

    async def register(self, registration: Registration) -> Registered:
        await asyncio.sleep(0)
        if not self._openings:
            await asyncio.Event().wait()
        return await super().register(registration)


class ClosesOnce(MemoryRegistry):
    """Ends its writer with the caller of ``close``, and takes a second close for one too many."""

    def __init__(self) -> None:
        super().__init__()
        self._closing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(asyncio.sleep(0.01))
        await self._closing
        await super().close()


class KeepsReadersWaiting(MemoryRegistry):
    async def close(self) -> None:
        self._openings = 0


class WorksWhenClosed(MemoryRegistry):
    def _check_open(self) -> None:
        return


class EnsuresTheDead(MemoryRegistry):
    """Returns the assignment to a star that is gone, when a particle is registered already."""

    async def register(self, registration: Registration) -> Registered:
        registered = await super().register(registration)
        return attrs.evolve(registered, record=self._at(registration.point).record)


class OverridesInSilence(MemoryRegistry):
    """Does not say that the assignment of an overridden particle has ended."""

    async def register(self, registration: Registration) -> Registered:
        particle = self._particles.get(registration.point)
        if particle is not None and registration.strategy is Strategy.OVERRIDE:
            particle.record = attrs.evolve(particle.record, assignment=None)
        return await super().register(registration)


class NeverWaits(MemoryRegistry):
    async def changes(self, since: int, *, timeout: float) -> Changes:
        return await super().changes(since, timeout=0)


_CAUGHT = (
    (FencesByWhatItKnows, "test_the_fence_is_the_same_for_all_processes"),
    (FencesByWhatItKnows, "test_a_star_that_one_process_ends_has_ended_for_all"),
    (KnowsItsStars, "test_a_star_that_one_process_ends_has_ended_for_all"),
    (KeepsTokens, "test_who_may_do_what_is_the_same_for_all_processes"),
    (KeepsTokens, _EVERYBODY),
    (KeepsRecords, _EVERYBODY),
    (PagesOfTheFirstStatus, _EVERYBODY),
    (TokensByLowerCase, _ALIKE),
    (KeysByLowerCase, _ALIKE),
    (TrimsDigests, _ALIKE),
    (NumbersByASequence, _AT_ONCE),
    (SwapsAssignments, _AT_ONCE),
    (HasAnOrderForEachProcess, _AT_ONCE),
    (WritesPointByPoint, _WHOLE),
    (ChownsPointByPoint, _WHOLE),
    (RegistersOneByOne, _WHOLE),
    (StoresKeysOneByOne, _WHOLE),
    (KeepsItsLock, "test_calls_that_were_cancelled_hold_nobody_up"),
    (SavesByAnyConnection, "test_saves_take_effect_in_the_order_of_their_calls"),
    (FinishesCancelledSavesLater, "test_saves_take_effect_in_the_order_of_their_calls"),
    (ForgetsWhatIsUnderWay, "test_a_close_finishes_the_calls_in_progress"),
    (ClosesOnce, "test_a_close_finishes_the_calls_in_progress"),
    (KeepsReadersWaiting, "test_a_closed_registry_refuses_calls_and_keeps_nobody_waiting"),
    (WorksWhenClosed, "test_a_closed_registry_refuses_calls_and_keeps_nobody_waiting"),
    (EnsuresTheDead, "test_an_assignment_whose_star_is_gone_reads_as_none"),
    (OverridesInSilence, "test_an_override_ends_the_assignment_in_the_feed_too"),
    (NeverWaits, "test_a_reader_waits_for_the_next_commit"),
)


@pytest.mark.parametrize(("broken", "test"), _CAUGHT, ids=lambda value: getattr(value, "__name__", value))
async def test_the_kit_catches_a_registry_whose_calls_go_wrong(
    broken: type[MemoryRegistry] | type[Process], test: str
) -> None:
    await fails(broken, test, AssertionError, pytest.fail.Exception, TimeoutError)


@pytest.mark.parametrize("test", sorted({test for _, test in _CAUGHT}))
async def test_sound_processes_are_not_accused(test: str) -> None:
    if "close" not in test:  # the processes of this test share one life
        await run(test, MemoryRegistry, Process)
