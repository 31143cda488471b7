"""What a group of writes leaves behind at the server: its outcome, and how many entries of the feed it is said to have
written."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import asyncpg
import attrs
import pytest

from hyperverse_core.errors import Conflict, NotHostedHere
from hyperverse_core.registry import Registration, Status, Strategy
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.schema import lock_class
from patience import PATIENCE
from postgres_server import Database

_SPACE = Point.parse("localhost")
_AGAIN = 20
_WAITS = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and position($1 in query) > 0"


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.url)
    await connection.execute(f"set search_path to {database.schema}")
    yield connection
    await connection.close()


@pytest.fixture
async def registry(database: Database) -> AsyncIterator[PostgresRegistry]:
    async with PostgresRegistry(database.settings) as registry:
        yield registry


async def _until(admin: asyncpg.Connection, query: str, *arguments: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await admin.fetchval(query, *arguments):  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)


async def test_the_outcome_of_a_write_is_kept_also_when_the_row_of_its_writer_was_removed_meanwhile(
    registry: PostgresRegistry, database: Database, admin: asyncpg.Connection
) -> None:
    """As it is removed from a registry that has written nothing for a week: the write may be sent again."""
    await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    (writer,) = await admin.fetch("select id, number from writers where outcome is not null")
    holding = await asyncpg.connect(database.url)
    try:
        async with holding.transaction():
            await holding.execute(f"select from {database.schema}.particles where point = $1 for update", _SPACE.text)
            writing = asyncio.ensure_future(registry.sequence(_SPACE))
            await _until(admin, _WAITS, database.schema)
            await admin.execute("delete from writers")
        assert await writing == 1
    finally:
        await holding.close()
    (kept,) = await admin.fetch("select id, number, outcome from writers")
    assert tuple(kept) == (writer["id"], writer["number"] + 1, "[1]")


async def test_an_outcome_that_is_found_again_is_left_out_when_it_is_large_as_at_first(
    registry: PostgresRegistry, admin: asyncpg.Connection
) -> None:
    await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    again = [uuid.uuid4(), 1, [1], "sequence", json.dumps([[_SPACE.text]]), []]
    called = "select outcome from write($1, $2, $3, $4, $5, $6, $7)"
    assert [await admin.fetchval(called, *again, most) for most in (2, 2, 3)] == [None, None, "[1]"]


async def test_a_write_that_is_refused_wakes_no_other_machine(
    registry: PostgresRegistry, database: Database, admin: asyncpg.Connection
) -> None:
    point = _SPACE.child("p")
    await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    await registry.register(Registration(point, Kind("Base"), HYPERUSER))
    star = await registry.announce(fold())
    held = (await registry.assign(point, star.key, star.incarnation, None)).assignment
    heard: list[object] = []
    listener = await asyncpg.connect(database.url)
    try:
        await listener.add_listener(f"hyperverse_{lock_class(database.schema)}", lambda *what: heard.append(what))
        await registry.set_status(point, Status.PAUSED)
        async with asyncio.timeout(PATIENCE):
            while not heard:  # noqa: ASYNC110  # set by a callback
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # what was written before is told by then, at most in two parts
        heard.clear()
        for _ in range(_AGAIN):
            await registry.register(Registration(point, Kind("Base"), HYPERUSER, strategy=Strategy.ENSURE))
            with pytest.raises(Conflict):
                await registry.assign(point, star.key, star.incarnation, None)
            with pytest.raises(NotHostedHere):
                await registry.save_state(point, attrs.evolve(held, incarnation=99), b"", announce=True)
            await registry.records([point])  # behind a notification, which goes over the same connection
        await listener.execute("select")
        assert heard == []
    finally:
        await listener.close()
