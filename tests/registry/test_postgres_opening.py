"""What is wrong with a database or its URL is one clear error at the start, with the cure and without the password."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from hyperverse_core.registry import MachineKey, Registration
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres import schema
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE
from postgres_server import Database
from registry.cutting_proxy import proxied
from registry.refused_opening import PASSWORD, refused


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


@pytest.fixture
async def guest(admin: asyncpg.Connection, database: Database) -> AsyncIterator[str]:
    """A user who may log in with a password and nothing else."""
    name = f"guest_{database.schema}"
    if not await admin.fetchval("select exists (select from pg_roles where rolname = 'guests')"):
        await admin.execute("create role guests")
    await admin.execute(f"create role {name} login password '{PASSWORD}' in role guests")
    yield name
    await admin.execute(f"drop owned by {name} cascade; drop role {name}")


def as_user(url: str, user: str, password: str) -> str:
    """The URL with another user."""
    return f"postgresql://{user}:{password}@{url.partition('@')[2]}"


async def test_a_wrong_password_is_refused_with_the_cure(database: Database, guest: str) -> None:
    error = await refused({**database.settings, "url": as_user(database.url, guest, f"{PASSWORD}x")})
    assert "password" in error.message and "url" in error.hint


async def test_a_password_may_stand_beside_the_url(database: Database, guest: str, admin: asyncpg.Connection) -> None:
    await admin.execute(f"create schema {database.schema} authorization {guest}")
    url = database.url.replace("hyperverse@", f"{guest}@")
    async with PostgresRegistry({**database.settings, "url": url, "password": PASSWORD}) as registry:
        assert await registry.stars() == []


async def test_a_database_that_is_not_there_is_named(database: Database) -> None:
    error = await refused({**database.settings, "url": database.url.replace("/postgres?", "/nowhere?")})
    assert "'nowhere'" in error.message and "createdb" in error.hint


async def test_a_user_who_may_not_create_tables_learns_what_is_to_be_granted(database: Database, guest: str) -> None:
    error = await refused({"url": as_user(database.url, guest, PASSWORD), "schema": "public"})
    assert "GRANT CREATE" in error.hint
    error = await refused({**database.settings, "url": as_user(database.url, guest, PASSWORD)})
    assert "may not create" in error.message
    assert f"CREATE SCHEMA {database.schema}" in error.hint  # there is none yet that rights could be granted on


@pytest.mark.parametrize(
    "table",
    [
        "meta (id integer)",
        "meta (key text, value text)",
        "meta (key integer, value integer)",
        "particles (spin text)",
    ],
)
async def test_a_schema_of_another_program_is_left_alone(
    database: Database, admin: asyncpg.Connection, table: str
) -> None:
    await admin.execute(f"create schema {database.schema}; create table {database.schema}.{table}")
    error = await refused(database.settings)
    assert "another program" in error.message and "schema" in error.hint
    tables = await admin.fetch("select tablename from pg_tables where schemaname = $1", database.schema)
    assert [row[0] for row in tables] == [table.partition(" ")[0]]


async def test_a_database_whose_encoding_lacks_characters_is_refused(
    database: Database, admin: asyncpg.Connection
) -> None:
    name = f"latin_{database.schema}"
    await admin.execute(f"create database {name} encoding 'LATIN1' template template0 locale 'C'")
    try:
        error = await refused({**database.settings, "url": database.url.replace("/postgres?", f"/{name}?")})
        assert "the encoding LATIN1" in error.message
        assert "--encoding UTF8" in error.hint
    finally:
        await admin.execute(f"drop database {name}")


async def test_a_program_that_is_stopped_while_it_opens_keeps_no_other_from_opening(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with PostgresRegistry(database.settings):
        pass
    async with admin.transaction():  # as one that creates or upgrades
        await admin.execute("select pg_advisory_xact_lock($1, -1)", schema.lock_class(database.schema))
        async with asyncio.timeout(PATIENCE), PostgresRegistry(database.settings) as registry:
            assert await registry.stars() == []


@pytest.mark.parametrize("older", [False, True])
async def test_a_program_that_is_stopped_while_it_creates_or_upgrades_keeps_no_other_from_opening(
    database: Database, admin: asyncpg.Connection, older: bool
) -> None:
    if older:
        async with PostgresRegistry(database.settings):
            pass
        await admin.execute(f"update {database.schema}.meta set value = '5' where key = 'schema'")
    async with proxied(database.url) as proxy:
        proxy.stops_at = b"restored from a backup of another server"  # the end of the one message
        stopped = PostgresRegistry({**database.settings, "url": proxy.url})
        opening = asyncio.create_task(stopped.open())
        try:
            async with asyncio.timeout(PATIENCE):
                await proxy.stopped.wait()
                async with PostgresRegistry(database.settings) as registry:
                    assert await registry.stars() == []
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            await stopped.close()


async def test_a_registry_of_an_older_version_is_brought_to_the_present_one(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
        await admin.execute(
            f"""
            set search_path to {database.schema};
            drop table machine_keys, invitations;
            drop function do_keys, do_invite;
            update meta set value = '1' where key = 'schema'
            """
        )
        # Four open it at the same moment, while a machine of the older version goes on.
        others = [PostgresRegistry(database.settings) for _ in range(4)]
        await asyncio.gather(*(other.open() for other in others))
        key = MachineKey("alpha", "zmq", "its key")
        await others[0].set_machine_keys([key])
        assert [await other.machine_keys() for other in others] == [[key]] * 4
        await registry.register(Registration(Point.parse("localhost:later"), Kind("Base"), HYPERUSER))
        assert Point.parse("localhost:later") in await others[1].records([Point.parse("localhost:later")])
        for other in others:
            await other.close()


async def test_a_machine_of_schema_5_goes_on_beside_newer_ones(database: Database, admin: asyncpg.Connection) -> None:
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER, state=b"x" * 100_000))
        star = await registry.announce(fold())
        job = json.dumps([["localhost", str(star.key), star.incarnation, None, None, None]])
        called = f"select xid, outcome, states, logged from {database.schema}.write($1, $2, $3, $4, $5, $6)"
        row = await admin.fetchrow(called, uuid.uuid4(), 1, [1], "assign", job, [])
        assert (row["states"], row["logged"]) == ([b"x" * 100_000], 1)
        assert (await registry.record(Point.parse("localhost"))).assignment is not None


async def test_a_registry_that_schema_6_made_keeps_its_further_key(
    database: Database, admin: asyncpg.Connection
) -> None:
    async with PostgresRegistry(database.settings):
        pass
    await admin.execute(
        f"""
        set search_path to {database.schema};
        alter table particles drop constraint particles_pkey;
        alter table particles add primary key (id), add constraint particles_point_key unique (point);
        alter table states add foreign key (id) references particles on delete cascade;
        drop function do_assign(jsonb, bigint);
        update meta set value = '6' where key = 'schema'
        """
    )
    point = Point.parse("localhost")
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(point, Kind("Space"), HYPERUSER, state=b"first"))
        star = await registry.announce(fold())
        held = await registry.assign(point, star.key, star.incarnation, None)
        assert held.state == b"first"
        await registry.save_state(point, held.assignment, b"second")
        assert await registry.load_state(point) == b"second"
        await registry.delete([point])
        assert await registry.records([point]) == {}
    assert await admin.fetchval("select count(*) from states") == 0


async def test_a_registry_of_a_newer_version_is_left_alone(database: Database, admin: asyncpg.Connection) -> None:
    async with PostgresRegistry(database.settings):
        pass
    await admin.execute(f"update {database.schema}.meta set value = '99' where key = 'schema'")
    error = await refused(database.settings)
    assert "newer version" in error.message and "upgrade" in error.hint


async def test_many_that_create_the_registry_at_once_open_one(database: Database) -> None:
    registries = [PostgresRegistry(database.settings) for _ in range(6)]
    await asyncio.gather(*(registry.open() for registry in registries))
    point = Point.parse("localhost")
    await registries[0].register(Registration(point, Kind("Space"), HYPERUSER))
    for registry in registries:
        assert (await registry.record(point)).kind == Kind("Space")
        await registry.close()
