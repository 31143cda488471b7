"""How the server does the writes, which keeps its plans, does not depend on how large the tables were at first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from hyperverse_core.registry import Assignment, Registration, Status
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE
from postgres_server import Database

_SPACE = Point.parse("plans")
_OTHERS = 20_000
_EACH = 10
_READ = """
select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = $1 and relname = 'particles')
     + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = $1 and relname = 'particles')
"""
_OPEN = "select count(*) from pg_stat_activity where application_name = 'hyperverse' and query like '%' || $1 || '%'"


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


async def test_a_plan_that_was_made_for_an_empty_table_reads_no_more_when_it_is_full(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
        star = await registry.announce(fold())
        await admin.execute(f"analyze {database.schema}.particles, {database.schema}.stars, {database.schema}.states")

        async def everything(name: str) -> None:
            """Each write that is grouped, alone and with others, and a change of the owner."""
            for few in ([_SPACE.child(f"{name}-alone")], [_SPACE.child(f"{name}-{n}") for n in range(_EACH)]):
                await asyncio.gather(*(registry.register(Registration(p, Kind("Base"), HYPERUSER)) for p in few))
                held = await asyncio.gather(*(registry.assign(p, star.key, star.incarnation, None) for p in few))
                pairs: list[tuple[Point, Assignment]] = [(p, a.assignment) for p, a in zip(few, held, strict=True)]
                await asyncio.gather(*(registry.save_state(*pair, b"x") for pair in pairs))
                await asyncio.gather(*(registry.set_status(p, Status.PAUSED) for p in few))
                await asyncio.gather(*(registry.sequence(p) for p in few))
                await asyncio.gather(*(registry.records((p,)) for p in few))
                await registry.release(pairs)
                await registry.chown(few, _SPACE)

        await everything("before")
        await admin.execute(
            f"insert into {database.schema}.particles (point, route, depth, kind, owner, status) "
            "select 'x' || n, '', 1, 'Base', 'hyperspace:users:hyperuser', 'Ready' from generate_series(1, $1) n",
            _OTHERS,
        )
        read = await admin.fetchval(_READ, database.schema)
        await everything("after")
        await registry.renew([star])
    async with asyncio.timeout(PATIENCE):
        while await admin.fetchval(_OPEN, database.schema):  # noqa: ASYNC110  # what it counted is told when it ends
            await asyncio.sleep(0.05)
    assert await admin.fetchval(_READ, database.schema) - read < _OTHERS
