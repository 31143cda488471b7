"""Writes and look-ups that are under way together: who is answered when, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import asyncpg
import pytest

from hyperverse_core.errors import InternalError, NotFound, OutcomeUnknown, ParseError
from hyperverse_core.registry import Registration, Status
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.turns import take_turns
from patience import PATIENCE
from postgres_server import Database

_SPACE = Point.parse("localhost")
_POINTS = [_SPACE.child(f"p{number}") for number in range(200)]


@pytest.fixture
async def registry(database: Database) -> AsyncIterator[PostgresRegistry]:
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
        await asyncio.gather(*(registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in _POINTS))
        yield registry


async def test_callers_without_successors_go_on_by_halves() -> None:
    answered: list[int] = []
    take_turns(list(range(100)), answered.extend, others_wait=False)
    assert answered == list(range(50))
    await asyncio.sleep(0)
    assert answered == list(range(100))


async def test_callers_go_on_behind_the_next_query_when_others_wait() -> None:
    answered: list[int] = []
    take_turns([1, 2, 3], answered.extend, others_wait=True)
    assert answered == []
    await asyncio.sleep(0)
    assert answered == [1, 2, 3]


@pytest.mark.parametrize(("callers", "halve"), [(3, True), (100, False)])
async def test_few_callers_and_those_of_a_slow_server_go_on_at_once(callers: int, halve: bool) -> None:
    answered: list[int] = []
    take_turns(list(range(callers)), answered.extend, others_wait=False, halve=halve)
    assert answered == list(range(callers))


async def test_each_of_many_callers_gets_its_own_answer_again_and_again(registry: PostgresRegistry) -> None:
    star = await registry.announce(fold())

    async def go_on(point: Point) -> None:
        held = (await registry.assign(point, star.key, star.incarnation, None)).assignment
        for number in range(10):
            await registry.save_state(point, held, f"{point} {number}".encode())
            assert await registry.load_state(point) == f"{point} {number}".encode()
            record = (await registry.records([point]))[point]
            assert (record.point, record.assignment) == (point, held)
            with pytest.raises(NotFound, match=f"{point.text}:none"):
                await registry.set_status(point.child("none"), Status.PAUSED)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*map(go_on, _POINTS))


async def test_more_writes_than_are_looked_through_at_once_keep_their_order_at_each_point(
    registry: PostgresRegistry,
) -> None:
    statuses = (Status.PAUSED, Status.READY)
    acts = []
    for _ in range(10):  # 8,000 writes of two kinds, none of which waits for another here
        for point in _POINTS:
            acts += [registry.set_status(point, status) for status in statuses]
            acts += [registry.sequence(point) for _ in statuses]
    async with asyncio.timeout(PATIENCE):
        said = await asyncio.gather(*acts)
        records = await registry.records(_POINTS)
    drawn = [number for number in said if number is not None]
    for place in range(len(_POINTS)):
        of_one = [drawn[turn * 2 * len(_POINTS) + 2 * place + second] for turn in range(10) for second in (0, 1)]
        assert of_one == list(range(1, 21))
    assert {record.status for record in records.values()} == {Status.READY}


async def test_no_write_passes_one_to_the_same_point_to_join_a_group(registry: PostgresRegistry) -> None:
    news = [_SPACE.child(f"n{number}") for number in range(100)]
    acts: list[Awaitable[object]] = [registry.set_status(_POINTS[0], Status.PAUSED)]
    for point in news:
        acts += [
            registry.register(Registration(point, Kind("Base"), HYPERUSER)),
            registry.set_status(point, Status.PAUSED),  # of the kind of the first write, and not to pass the one before
        ]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*acts)
        assert {record.status for record in (await registry.records(news)).values()} == {Status.PAUSED}


@pytest.mark.parametrize(
    ("column", "text", "error"), [("owner", "No Point", ParseError), ("properties", "no json", InternalError)]
)
async def test_a_record_that_cannot_be_read_is_told_to_each_caller_and_hides_no_other(
    registry: PostgresRegistry, database: Database, column: str, text: str, error: type[Exception]
) -> None:
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(
            f"update {database.schema}.particles set {column} = $2 where point = $1", _POINTS[0].text, text
        )
    finally:
        await connection.close()
    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(
            *(registry.records([point]) for point in (_POINTS[0], *_POINTS[1:], _POINTS[0])), return_exceptions=True
        )
    assert [type(found[0]), type(found[-1])] == [error, error]
    assert [list(one) for one in found[1:-1] if isinstance(one, dict)] == [[point] for point in _POINTS[1:]]


async def test_a_state_goes_with_its_particle(registry: PostgresRegistry, database: Database) -> None:
    point = _SPACE.child("kept")
    await registry.register(Registration(point, Kind("Base"), HYPERUSER, state=b"state"))
    await registry.delete([_SPACE])
    connection = await asyncpg.connect(database.url)
    try:
        assert await connection.fetchval(f"select count(*) from {database.schema}.states") == 0
    finally:
        await connection.close()


async def test_an_answer_that_cannot_be_read_is_told_to_its_callers_and_stops_no_other_write(
    registry: PostgresRegistry, database: Database
) -> None:
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(
            f"""
            create or replace function {database.schema}.write(
              p_writer uuid, p_number bigint, p_locks integer[], p_kind text, p_jobs jsonb, p_states bytea[],
              p_most bigint
            ) returns table (xid bigint, outcome jsonb, states bytea[], logged bigint, sizes bigint[])
            language plpgsql as $$ begin return next; end $$
            """
        )
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.gather(
                *(registry.set_status(point, Status.PAUSED) for point in _POINTS[:3]), return_exceptions=True
            )
        assert [type(one) for one in found] == [OutcomeUnknown] * 3
        await connection.execute(f"update {database.schema}.meta set value = '6' where key = 'schema'")
        async with PostgresRegistry(database.settings):
            pass  # it brings the functions back
        async with asyncio.timeout(PATIENCE):
            await registry.set_status(_POINTS[0], Status.READY)
    finally:
        await connection.close()
