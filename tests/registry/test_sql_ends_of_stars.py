"""The end of a star costs the same whether it hosted ten particles or thousands, and what an older version has written
of assignments still counts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from hyperverse_core import Config, Machine
from hyperverse_core.errors import NotHostedHere
from hyperverse_core.registry import Assignment, ChangeKind, Registration, StarRecord
from hyperverse_core.values import HYPERUSER, Kind, Point, StarKey
from hyperverse_sql.registry import SqlRegistry

GHOST = StarKey("kit", "ghost")
_SPACE = Point.parse("localhost")
_A = _SPACE.child("x0")


async def _filled(registry: SqlRegistry, count: int) -> StarRecord:
    star = await registry.announce(StarRecord(GHOST, "Fold", "gone"))
    await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    points = [_SPACE.child(f"x{number}") for number in range(count)]
    await asyncio.gather(*(registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in points))
    await asyncio.gather(*(registry.assign(point, star.key, star.incarnation, None) for point in points))
    return star


async def _withdraw(registry: SqlRegistry, star: StarRecord) -> None:
    await registry.withdraw([star])


async def _expire(registry: SqlRegistry, star: StarRecord) -> None:
    assert await registry.expire(star)


async def _announce(registry: SqlRegistry, star: StarRecord) -> None:
    assert (await registry.announce(star)).incarnation == star.incarnation + 1


@pytest.fixture
def statements() -> Iterator[list[tuple[str, int]]]:
    """The statements that were run, each with the number of its rows of parameters."""
    seen: list[tuple[str, int]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        seen.append((statement, len(parameters) if many else 1))

    sa.event.listen(Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("end", [_withdraw, _expire, _announce])
async def test_the_end_of_a_star_takes_the_same_statements_whatever_it_hosts(
    tmp_path: Path,
    statements: list[tuple[str, int]],
    end: Callable[[SqlRegistry, StarRecord], Awaitable[None]],
) -> None:
    taken = []
    for count in (1, 3000):
        async with SqlRegistry({"path": tmp_path / f"{count}.sqlite"}) as registry:
            star = await _filled(registry, count)
            statements.clear()
            await end(registry, star)
            taken.append(list(statements))
            assert await registry.check() == []
    assert taken[0] == taken[1]
    with closing(sqlite3.connect(tmp_path / "3000.sqlite")) as database:
        (hosted,) = database.execute("SELECT count(*) FROM particles WHERE star IS NOT NULL").fetchone()
    assert hosted == 3000, "the rows of its particles were written"


async def test_a_particle_of_a_dead_machine_is_placed_at_once(tmp_path: Path) -> None:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        star = await _filled(registry, 1)
        assert await registry.expire(star)
    async with Machine(Config(name="here", data_dir=tmp_path)) as machine:
        reply = await machine.client().ping(_A.text, "Cmd<Bounce>")
    assert reply.ok, reply.error


def _as_schema_4(path: Path) -> None:
    """Turns a registry into what a version has left that released each particle and counted by revisions."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            ALTER TABLE changes DROP COLUMN epoch;
            DROP INDEX particles_hosted;
            CREATE INDEX particles_hosted ON particles (star, point) WHERE star IS NOT NULL;
            UPDATE meta SET value = '4' WHERE key = 'schema';
            UPDATE particles SET epoch = (SELECT max(revision) FROM changes) WHERE star IS NOT NULL;
            UPDATE particles SET star = NULL, incarnation = NULL, epoch = NULL WHERE point = 'localhost:x1';
            """
        )


async def test_a_registry_of_schema_4_keeps_every_assignment_and_every_fence(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}) as registry:
        star = await _filled(registry, 3)
        held = (await registry.record(_A)).assignment
        assert held is not None
        await registry.save_state(_A, held, b"state")
        revision = await registry.revision()
    _as_schema_4(path)
    # Two open it at the same moment, and one goes on as the older version would.
    registries = [SqlRegistry({"path": path}) for _ in range(2)]
    await asyncio.gather(*(registry.open() for registry in registries))
    one, other = registries
    try:
        kept = (await one.record(_A)).assignment
        assert kept == Assignment(GHOST, star.incarnation, revision)
        assert (await one.record(_SPACE.child("x1"))).assignment is None
        assert [record.point for record in (await one.hosted(GHOST)).records] == [_A, _SPACE.child("x2")]
        assert await one.check() == []
        await one.save_state(_A, kept, b"newer")
        assert await other.load_state(_A) == b"newer"
        with pytest.raises(NotHostedHere):
            await one.save_state(_A, held, b"stale")
        for point, before in ((_A, kept), (_SPACE.child("x1"), None)):
            assigned = (await other.assign(point, GHOST, star.incarnation, before)).assignment
            assert assigned.epoch > revision
            (entry,) = (await one.changes(await one.revision() - 1, timeout=0)).entries
            assert (entry.kind, entry.point, entry.epoch) == (ChangeKind.ASSIGNED, point, assigned.epoch)
        # What was in the feed before is read as it was meant.
        early = (await one.changes(0, timeout=0)).entries
        assert [entry.epoch for entry in early if entry.revision <= revision] == list(range(1, revision + 1))
    finally:
        await asyncio.gather(*(registry.close() for registry in registries))
    with closing(sqlite3.connect(path)) as database:
        indexes = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE name = 'particles_hosted'"))
        assert "(star, incarnation, point)" in indexes["particles_hosted"]
        assert database.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == ("6",)


async def test_a_machine_of_the_version_before_that_still_runs_does_no_harm(tmp_path: Path) -> None:
    """What it writes: a row of the feed without an epoch, the revision as the epoch, and no epoch for a release."""
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}) as registry:
        star = await _filled(registry, 1)
        held = (await registry.record(_A)).assignment
        assert held is not None
        revision = await registry.revision() + 5  # others have written in between
        with closing(sqlite3.connect(path)) as database, database:
            for number in range(revision - 4, revision):
                database.execute("INSERT INTO changes (revision, kind, point) VALUES (?, 'status', 'x')", (number,))
            entry = (revision, "assigned", _A.text)
            database.execute("INSERT INTO changes (revision, kind, point) VALUES (?, ?, ?)", entry)
            database.execute("UPDATE particles SET epoch = ? WHERE point = ?", (revision, _A.text))
        theirs = (await registry.record(_A)).assignment
        assert theirs is not None
        assert theirs.epoch == revision > held.epoch
        (told,) = (await registry.changes(revision - 1, timeout=0)).entries
        assert told.epoch == revision
        ours = (await registry.assign(_A, GHOST, star.incarnation, theirs)).assignment
        assert ours.epoch > theirs.epoch
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "UPDATE particles SET star = NULL, incarnation = NULL, epoch = NULL WHERE point = ?", (_A.text,)
            )
        assert (await registry.assign(_A, GHOST, star.incarnation, None)).assignment.epoch > ours.epoch
