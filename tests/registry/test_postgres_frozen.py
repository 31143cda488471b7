"""A machine that is stopped at any moment holds up nobody: the server ends each group of writes without it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from hyperverse_core.errors import Conflict
from hyperverse_core.registry import Registration, StarRecord
from hyperverse_core.testing.registry_kit.fixture_tree import FOLD, fold, hosted_at
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE, START
from postgres_server import Database
from registry.test_postgres_feed import slow_commits
from thoroughness import THOROUGH

pytestmark = pytest.mark.thorough  # starts another process

_POINTS = 12
_STOPS = 40 if THOROUGH else 8
_WAITS = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and position($1 in query) > 0"
_SESSIONS = "select pid, state from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"


async def test_a_process_that_is_stopped_at_any_moment_leaves_no_transaction_open(database: Database) -> None:
    chance = random.Random(5)
    async with PostgresRegistry(database.settings) as registry:
        await slow_commits(database)
        points = [Point.parse(f"localhost:p{number}") for number in range(_POINTS)]
        await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
        for point in points:
            await registry.register(Registration(point, Kind("Base"), HYPERUSER))
        star = await registry.announce(fold(FOLD))
        watching = await asyncpg.connect(database.url)
        before = {row["pid"] for row in await watching.fetch(_SESSIONS)}
        given = [json.dumps(database.settings), str(_POINTS), str(star.incarnation), "1"]
        pipe = asyncio.subprocess.PIPE
        script = str(Path(__file__).with_name("assigning_process.py"))
        other = await asyncio.create_subprocess_exec(sys.executable, script, *given, stdin=pipe, stdout=pipe)
        assert other.stdout is not None
        stops = stopped_at_work = 0
        try:
            assert await asyncio.wait_for(other.stdout.readline(), START) == b"ready\n"
            while stops < _STOPS or (not stopped_at_work and stops < 100 * _STOPS):
                stops += 1
                for _ in range(chance.randrange(1, 8)):
                    await asyncio.wait_for(other.stdout.readline(), PATIENCE)  # it goes on
                await asyncio.sleep(chance.random() * 0.01)  # at any moment
                other.send_signal(signal.SIGSTOP)
                stopped_at_work += await _ended_without_it(watching, before)
                for point in points:
                    await asyncio.wait_for(_written(registry, point, star), PATIENCE)
                other.send_signal(signal.SIGCONT)
        finally:
            other.kill()
            await other.wait()
            await watching.close()
        assert stopped_at_work, "it was never stopped while the server worked for it"


@pytest.mark.parametrize("kind", ["assign", "delete"])
async def test_a_process_that_is_stopped_before_it_reads_a_large_answer_holds_up_nobody(
    database: Database, kind: str
) -> None:
    home, many = Point.parse("localhost"), 300
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(home, Kind("Space"), HYPERUSER))
        await registry.register(Registration(Point.parse("other"), Kind("Space"), HYPERUSER))
        points = [home.child(f"p{number}") for number in range(many)]
        if kind == "delete":
            points += [home.child(f"{'long' * 250}{number}") for number in range(many)]
        new = (Registration(point, Kind("Base"), HYPERUSER, state=b"x" * 2000) for point in points)
        await asyncio.gather(*map(registry.register, new))
        await registry.announce(fold(FOLD))
        holding, watching = await asyncpg.connect(database.url), await asyncpg.connect(database.url)
        script = str(Path(__file__).with_name("large_answer_process.py"))
        given = [json.dumps(database.settings), kind, str(many)]
        pipe = asyncio.subprocess.PIPE
        other = await asyncio.create_subprocess_exec(sys.executable, script, *given, stdout=pipe)
        assert other.stdout is not None
        try:
            async with holding.transaction():  # it is stopped while the server works for it, and not before or behind
                first = f"select from {database.schema}.particles where point = $1 for update"
                await holding.execute(first, points[0].text)
                assert await asyncio.wait_for(other.stdout.readline(), START) == b"ready\n"
                async with asyncio.timeout(PATIENCE):
                    while not await watching.fetchval(_WAITS, database.schema):  # noqa: ASYNC110  # nothing tells of it
                        await asyncio.sleep(0.01)
                other.send_signal(signal.SIGSTOP)
            # All advisory locks, and the rows of what it assigned.
            async with asyncio.timeout(PATIENCE):
                new = (Registration(Point.parse(f"other:p{n}"), Kind("Base"), HYPERUSER) for n in range(many))
                await asyncio.gather(*map(registry.register, new))
                found = await registry.records(points)
            if kind == "delete":
                assert not found
            else:
                assert all(record.assignment is not None for record in found.values())
        finally:
            other.kill()
            await other.wait()
            await holding.close()
            await watching.close()


async def _written(registry: PostgresRegistry, point: Point, star: StarRecord) -> None:
    while True:
        with contextlib.suppress(Conflict):  # what the other one had sent may come in between
            await hosted_at(registry, point, star)
            return


async def _ended_without_it(watching: asyncpg.Connection, before: set[int]) -> bool:
    """Waits until the server does nothing for the other process. Returns whether it did when asked first."""
    looks = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            states = [row["state"] for row in await watching.fetch(_SESSIONS) if row["pid"] not in before]
            assert not [state for state in states if "in transaction" in state], "its transaction waits for it"
            if set(states) <= {"idle"}:
                return looks > 0
            looks += 1
            await asyncio.sleep(0.001)
