"""PostgresRegistry: implements the contract of a registry, each method as one call to the database."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from hyperverse_core.errors import HyperverseError, OutcomeUnknown, Unavailable
from hyperverse_core.registry import (
    Assigned,
    Assignment,
    Changes,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    StarRecord,
    Status,
    Strategy,
    Trouble,
    check_new_states,
    check_state,
    check_texts,
    refusals,
    stored_texts,
)
from hyperverse_core.values import Point, Selector, SetProperty, StarKey, UnsetProperty

from . import pages
from .answers import AnswerTimes
from .calls import Calls
from .faults import CONNECTING, refusal
from .feed import PostgresFeed
from .link import Connection, Link
from .pruning import Pruning
from .reader import BatchedLookUps, PostgresReader
from .registering import rows_of
from .rows import RECORD, SOME_STARS, STAR, first_below, record_of, star_of
from .schema import made_ready, named
from .settings import PostgresSettings
from .states import StoredStates
from .trust import PostgresTrust
from .work import ALL_LOCKS, LeftOut, WriteUnit, locks_of
from .writers import PostgresWriters

__all__ = ["PostgresRegistry"]

_SLOW: Final = 1.0
"""Seconds after which an unanswered group of writes is reported as a trouble."""
_MOST_CUT: Final = 4096
_TRIES: Final = 100


class PostgresRegistry(PostgresTrust):
    """The registry in a PostgreSQL database that machines on many hosts share.

    Args:
        settings: :class:`PostgresSettings`, or the mapping that :meth:`PostgresSettings.read` takes.

    Raises:
        ConfigError: the settings are wrong.

    One instance belongs to one event loop. Writes use one connection, reads another. ::

        async with PostgresRegistry({"url": "postgresql://hyperverse@db.example/hyperverse"}) as registry:
            root = await registry.record(ROOT)
    """

    settings_class = PostgresSettings
    plain_settings = ("schema", "feed", "pooler")

    def __init__(self, settings: Mapping[str, Any] | PostgresSettings) -> None:
        self._settings = settings if isinstance(settings, PostgresSettings) else PostgresSettings.read(settings)
        self._schema = self._settings.schema
        self._answers = AnswerTimes()
        self._link = Link(self._settings, self._listen, self._answers)
        self._reader = PostgresReader(self._settings, self._link, self._link)
        self._feed = PostgresFeed(self._reader, self._settings)
        self._writer = PostgresWriters.over(self._settings, self._reader, self._answers, self._committed)
        self._one_record = named(f"{RECORD}where p.point = $1", self._schema)
        self._some_records = named(f"{RECORD}where p.point = any($1::text[])", self._schema)
        self._records = BatchedLookUps(self._records_at, record_of, self._reader)
        super().__init__(Calls(self._reader, self._writer, self._schema), self._reader)
        self._states = StoredStates(self._calls, self._reader)
        self._cut_saves: set[str] = set()
        self._pruning = Pruning(self._calls, self._settings.feed)
        self._opened = False
        self._closed = False

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if self._closed:
            raise refusals.closed(self)
        if self._opened:
            return
        self._opened = True
        try:
            async with self._link:
                connection = await self._link.connect()
                await made_ready(connection, self._settings)
            await self._writer.small.link.connect()
        except (*CONNECTING, ValueError) as error:
            await self.close()
            raise refusal(error, self._settings.where, self._schema) from error
        except BaseException:
            await self.close()
            raise
        self._reader.start()
        self._writer.start()

    async def _listen(self, connection: Connection) -> None:
        await self._feed.opened(connection)

    async def close(self) -> None:
        self._closed = True
        await self._pruning.close()
        await self._feed.close()
        await self._writer.close()
        await self._reader.close()

    def trouble(self) -> str:
        return self._writer.small.link.trouble or self._link.trouble

    def troubles(self) -> Sequence[Trouble]:
        found: list[Trouble] = []
        link = self._writer.small.link if self._writer.small.link.trouble else self._link
        if link.trouble:
            cause = f"{self._settings.where} cannot be reached: {link.trouble}; serving resumes when it is back"
            found.append(Trouble("the database of the registry", cause, link.since))
        seconds, waiting = self._writer.small.slow
        if seconds > _SLOW:
            cause = f"no answer for {seconds:.0f} s; {waiting} writes are waiting"
            found.append(Trouble("writes to the registry", cause, time.time() - seconds))
        if self._writer.small.refusal is not None:
            found.append(Trouble("writes to the registry", *self._writer.small.refusal))
        if self._feed.holder is not None:
            found.append(self._feed.holder)
        return found

    def _committed(self, logged: int) -> None:
        self._feed.committed(logged)
        if not self._closed:
            self._pruning.committed(logged)

    # -- particles ----------------------------------------------------------------------------------------

    async def register(self, registration: Registration) -> Registered:
        check_new_states(registration)
        if registration.strategy is Strategy.OVERRIDE:
            return await self._override(registration)
        point = registration.point
        rows, states = rows_of(registration)
        points = frozenset(row[0] for row in rows)
        parent = rows[0][7]
        needs = frozenset() if parent is None else frozenset((parent,))
        while True:
            said: Any = registration.misplaced()
            if said is None:
                said, _ = await self._writer.write(
                    WriteUnit("register", rows, changes=points, needs=needs, locks=locks_of(points), states=states)
                )
            if said is True:
                return Registered(registration.record(), created=True)
            if isinstance(said, HyperverseError):
                # Faults of the particles below it count only if the particle itself could be registered.
                existing = (await self.records((point,))).get(point)
                if existing is None:
                    raise said
            elif said is False:
                raise refusals.no_parent(point)
            elif said != point.text:
                raise refusals.already_registered(Point.parse(said))
            else:
                existing = (await self.records((point,))).get(point)
            if existing is not None:
                return registration.ensured(existing)
            for row in rows:  # its particle was deleted meanwhile
                row[8] = None if row[8] is None else 1

    async def _override(self, registration: Registration) -> Registered:
        point = registration.point
        if registration.below:
            existing = (await self.records((point,))).get(point)
            if existing is None:
                return await self.register(attrs.evolve(registration, strategy=Strategy.COMMIT))
            raise refusals.has_what_is_below(point)
        rows, states = rows_of(registration)
        bounds = (None, None) if point.is_root else first_below(point)
        outcome, _ = await self._writer.write(
            WriteUnit(
                "override", [rows[0], len(point.segments) + 1, *bounds], None, locks_of((point.text,)), states=states
            )
        )
        if outcome is True:
            return Registered(registration.record(), created=True)
        if outcome is False:
            raise refusals.no_parent(point)
        raise refusals.has_children(point, outcome, registration.kind)

    async def _records_at(self, connection: Connection, points: list[str]) -> dict[str, Any]:
        if len(points) == 1:  # the server caches this plan; a plan for an array is made each time
            rows = await connection.fetch(self._one_record, points[0])
        else:
            rows = await connection.fetch(self._some_records, points)
        return {row[0]: row for row in rows}

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        return await self._records.at(points)

    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        return await pages.children(self._reader, self._schema, point, after, limit)

    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        return await pages.select(self._reader, self._schema, selector, after, limit)

    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        if any(point.is_root and point.route.is_local for point in points):
            raise refusals.root_stays()
        roots = [
            [point.text, point.route.prefix, *((None, None) if point.is_root else first_below(point))]
            for point in sorted(set(points))
        ]
        deleted = await self._calls.write_one("delete", [limit, roots], locks=ALL_LOCKS)
        return [record_of(row) for row in deleted]

    async def set_status(self, point: Point, status: Status) -> None:
        there, _ = await self._writer.write(WriteUnit.at(point.text, "status", [point.text, status.value]))
        if not there:
            raise refusals.not_registered((point,))

    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        wanted = list(dict.fromkeys(points))
        for _ in range(_TRIES):
            known = await self.records(wanted)
            absent = [point for point in wanted if point not in known]
            if absent:
                raise refusals.not_registered(absent)
            rows = []
            for point in wanted:
                after = known[point].changed(changes)
                if after != known[point].properties:
                    texts = map(stored_texts.properties_text, (known[point].properties, after))
                    rows.append([point.text, *texts])
            if not rows or await self._calls.write_one("properties", rows, *(point.text for point in wanted)):
                return
        raise Unavailable("other writers keep changing the properties", retry_after=1.0)

    async def replace_values(self, point: Point, values: Mapping[str, tuple[str, str]]) -> bool:
        record = (await self.records((point,))).get(point)
        after = None if record is None else record.replaced(values)
        if record is None or after is None:
            return False
        row = [point.text, stored_texts.properties_text(record.properties), stored_texts.properties_text(after)]
        return bool(await self._calls.write_one("properties", [row], point.text))

    async def sequence(self, point: Point) -> int:
        number, _ = await self._writer.write(WriteUnit.at(point.text, "sequence", [point.text]))
        if number is None:
            raise refusals.not_registered((point,))
        return int(number)

    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        wanted = list(dict.fromkeys(point.text for point in points))
        absent = await self._calls.write_one("chown", [owner.text, wanted], *wanted)
        if absent:
            raise refusals.not_registered([Point.parse(text) for text in absent])

    # -- where they live ----------------------------------------------------------------------------------

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        held = (None, None, None) if expected is None else (str(expected.star), expected.incarnation, expected.epoch)
        said, state = await self._writer.write(
            WriteUnit.at(point.text, "assign", [point.text, str(star), incarnation, *held])
        )
        if isinstance(said, int):
            if isinstance(state, LeftOut):
                try:
                    state = await self._states.left_out(point, state.size)
                except Unavailable as error:
                    raise OutcomeUnknown(
                        f"{point.text!r} was assigned to {star}, but its state could not be read afterwards: "
                        "the database was lost",
                        hint="assign it again: that gives it the next epoch",
                    ) from error
            return Assigned(Assignment(star, incarnation, said), state)
        if said == "missing":
            raise refusals.not_registered((point,))
        if said == "gone":
            raise refusals.incarnation_not_announced(star, incarnation)
        now = None if said == [None] else Assignment(StarKey.parse(said[0]), 0, said[1])
        raise refusals.assigned_otherwise(point, now)

    async def release(self, assignments: Sequence[tuple[Point, Assignment]]) -> None:
        if not assignments:
            return
        points = frozenset(point.text for point, _ in assignments)
        job = [[point.text, str(held.star), held.incarnation, held.epoch] for point, held in assignments]
        await self._writer.write(WriteUnit("release", job, changes=points, locks=locks_of(points)))

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        check_state(point, state)
        try:
            saved, _ = await self._writer.write(
                WriteUnit(
                    "save",
                    [point.text, str(assignment.star), assignment.incarnation, assignment.epoch, announce],
                    changes=frozenset((point.text,)),
                    locks=locks_of((point.text,)) if announce else (),
                    states=(state,),
                )
            )
        except asyncio.CancelledError:  # the write may be in progress
            if len(self._cut_saves) >= _MOST_CUT:
                self._cut_saves.clear()  # nearly all ended long ago
            self._cut_saves.add(point.text)
            raise
        if not saved:
            raise refusals.state_not_saved(point, assignment)

    async def load_state(self, point: Point) -> bytes | None:
        if point.text in self._cut_saves:
            # Wait for writes that are in progress.
            await self._writer.write(WriteUnit("release", [], changes=frozenset((point.text,)), locks=()))
            self._cut_saves.discard(point.text)
        return await self._states.load(point)

    # -- stars --------------------------------------------------------------------------------------------

    async def announce(self, star: StarRecord) -> StarRecord:
        check_texts((star,))
        self._answers.within(star.lease)
        key, point = str(star.key), Point.of_star(star.key).text
        job = [
            key, star.kind, star.machine, star.address, star.server_key, json.dumps(star.kinds), json.dumps(star.links),
            star.particles, star.lease, star.draining, star.pid, star.facts, point, star.incarnation,
        ]  # fmt: skip
        said = await self._calls.write_one("announce", job, point)
        if isinstance(said, int):
            return attrs.evolve(star, incarnation=said, renewals=0)
        machine, lease = said
        raise refusals.star_held(attrs.evolve(star, machine=machine, lease=lease))

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        check_texts(stars)
        job: list[list[Any]] = [
            [
                str(star.key), star.incarnation, json.dumps(star.kinds), json.dumps(star.links), star.particles,
                star.draining, star.facts, Point.of_star(star.key).text, star.address, star.server_key,
            ]
            for star in stars
        ]  # fmt: skip
        locks = locks_of(row[7] for row in job)
        # Urgent: a late renewal costs the star all its particles.
        gone, _ = await self._writer.write(WriteUnit("renew", job, changes=None, locks=locks, urgent=True))
        if gone:
            raise refusals.not_in_directory(star for star in stars if str(star.key) in gone)

    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        job: list[list[Any]] = [[str(star.key), star.incarnation, Point.of_star(star.key).text] for star in stars]
        await self._calls.write_one("withdraw", job, *(row[2] for row in job))

    async def expire(self, star: StarRecord) -> bool:
        point = Point.of_star(star.key).text
        return bool(
            await self._calls.write_one("expire", [str(star.key), star.incarnation, star.renewals, point], point)
        )

    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        if keys is None:
            rows = await self._calls.ask("fetch", STAR)
        else:
            rows = await self._calls.ask("fetch", SOME_STARS, [str(key) for key in keys])
        return sorted((star_of(row) for row in rows), key=lambda star: star.key)

    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        return await pages.hosted(self._reader, self._schema, star, after, limit)

    # -- the change feed ----------------------------------------------------------------------------------

    async def revision(self) -> int:
        return await self._feed.newest()

    async def changes(self, since: int, *, timeout: float) -> Changes:
        return await self._feed.changes(since, timeout)
