"""What is wrong with a database or its URL is one clear error at the start, with the cure and without the password."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from certificates import certify
from hyperverse_core.config import Choice, Config, load_config
from hyperverse_core.config.secrets import masked
from hyperverse_core.errors import ConfigError, HyperverseError, PluginError, Unavailable
from hyperverse_core.plugins import PluginSet
from hyperverse_core.registry import MachineKey, Registration
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres import schema
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.settings import PostgresSettings
from patience import PATIENCE
from postgres_server import Database, PostgresServer
from registry.cutting_proxy import SOCKET, proxied

_PASSWORD = "Sesame-0pen"


async def refused(settings: dict[str, Any], kind: type[HyperverseError] = ConfigError) -> HyperverseError:
    """The error with which a registry does not open."""
    registry = PostgresRegistry(settings)
    with pytest.raises(kind) as raised:
        await registry.open()
    await registry.close()
    assert _PASSWORD not in str(raised.value)
    assert raised.value.hint
    return raised.value


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
    await admin.execute(f"create role {name} login password '{_PASSWORD}' in role guests")
    yield name
    await admin.execute(f"drop owned by {name} cascade; drop role {name}")


def as_user(url: str, user: str, password: str) -> str:
    """The URL with another user."""
    return f"postgresql://{user}:{password}@{url.partition('@')[2]}"


async def test_a_wrong_password_is_refused_with_the_cure(database: Database, guest: str) -> None:
    error = await refused({**database.settings, "url": as_user(database.url, guest, f"{_PASSWORD}x")})
    assert "password" in error.message and "url" in error.hint


async def test_a_password_may_stand_beside_the_url(database: Database, guest: str, admin: asyncpg.Connection) -> None:
    await admin.execute(f"create schema {database.schema} authorization {guest}")
    url = database.url.replace("hyperverse@", f"{guest}@")
    async with PostgresRegistry({**database.settings, "url": url, "password": _PASSWORD}) as registry:
        assert await registry.stars() == []


async def test_a_database_that_is_not_there_is_named(database: Database) -> None:
    error = await refused({**database.settings, "url": database.url.replace("/postgres?", "/nowhere?")})
    assert "'nowhere'" in error.message and "createdb" in error.hint


async def test_a_user_who_may_not_create_tables_learns_what_is_to_be_granted(database: Database, guest: str) -> None:
    error = await refused({"url": as_user(database.url, guest, _PASSWORD), "schema": "public"})
    assert "GRANT CREATE" in error.hint
    error = await refused({**database.settings, "url": as_user(database.url, guest, _PASSWORD)})
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


async def test_a_registry_of_a_newer_version_is_left_alone(database: Database, admin: asyncpg.Connection) -> None:
    async with PostgresRegistry(database.settings):
        pass
    await admin.execute(f"update {database.schema}.meta set value = '99' where key = 'schema'")
    error = await refused(database.settings)
    assert "newer version" in error.message and "upgrade" in error.hint


async def test_a_server_that_is_too_old_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_OLDEST_SERVER", 999)
    assert "too old" in (await refused(database.settings)).message


async def test_a_server_that_does_not_run_cannot_be_reached(tmp_path: object) -> None:
    url = f"postgresql://me:{_PASSWORD}@/x?host={tmp_path}"
    assert "cannot be reached" in (await refused({"url": url}, Unavailable)).message


async def test_many_that_create_the_registry_at_once_open_one(database: Database) -> None:
    import asyncio

    registries = [PostgresRegistry(database.settings) for _ in range(6)]
    await asyncio.gather(*(registry.open() for registry in registries))
    point = Point.parse("localhost")
    await registries[0].register(Registration(point, Kind("Space"), HYPERUSER))
    for registry in registries:
        assert (await registry.record(point)).kind == Kind("Space")
        await registry.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://me:{_PASSWORD}@/x", "names no host"),
        ("postgresql:///x", "names no host"),
        (f"postgresql://me:{_PASSWORD}@db.example", "names no database"),
        (f"mysql://me:{_PASSWORD}@db.example/x", "postgresql://"),
        ("postgresql://", "postgresql://"),
        (f"postgresql://me:{_PASSWORD}/@db.example/x", "escaped"),
        (f"postgresql://me:{_PASSWORD}#@db.example/x", "escaped"),
        (f"postgresql://me:{_PASSWORD}?@db.example/x", "escaped"),
        (f"postgresql://me:{_PASSWORD}@@db.example/x", "escaped"),
        (f"postgresql://me:{_PASSWORD}@db.example:port/x", "escaped"),
        (f"postgresql://me:{_PASSWORD}@db.example/x?hots=y", "did you mean"),
        (f"postgresql://me:{_PASSWORD}@db.example:99999/x", "port is not a number from 1 to 65535"),
        (f"postgresql://me:{_PASSWORD}@a:1,b:99999/x", "port is not a number from 1 to 65535"),
        (f"postgresql://me:{_PASSWORD}@a,,b/x", "names no host"),
        (f"postgresql://me:{_PASSWORD}@/x?host=/a,/b&port=5432,no", "port is not a number from 1 to 65535"),
        (f"postgresql://me:{_PASSWORD}@:5432/x", "names no host"),
        (f"postgresql://me:{_PASSWORD}@::1/x", "in brackets"),
        (f"postgresql://me:{_PASSWORD}@db.example/x?target_session_attrs=standby", "because the registry writes"),
        (f"postgresql://me:{_PASSWORD}@db.example/x?sslmode=verify-full&sslrootcert=/nowhere", "option sslrootcert"),
        (f"postgresql://me:{_PASSWORD}@db.example/x\0", "a character that cannot be seen"),
        (f"postgresql://me:{_PASSWORD}@db.example/x\n", "a character that cannot be seen"),
    ],
)
def test_a_url_that_cannot_be_used_is_not_quoted(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        PostgresSettings.read({"url": url})
    assert said in str(raised.value)
    assert _PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "needs a url"),
        ({"url": 7}, "cannot be that"),
        ({"url": "postgresql://h/x", "shcema": "a"}, "did you mean 'schema'"),
        ({"url": "postgresql://h/x", "schema": "Robert'); drop table"}, "schema of the postgres registry"),
        ({"url": "postgresql://h/x", "feed": 0}, "at least 1"),
        ({"url": "postgresql://h/x", "feed": True}, "feed of the postgres registry"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        PostgresSettings.read(settings)
    assert said in str(raised.value)


def test_a_path_that_nobody_has_written_is_not_complained_of() -> None:
    registry = Config(registry=Choice("postgres"))
    with pytest.raises(ConfigError) as raised:
        PostgresSettings.read(registry.registry_settings(Path("data")))
    assert [fault.partition(":")[0] for fault in raised.value.faults] == ["the postgres registry needs a url"]


async def test_a_server_that_does_not_admit_this_host_is_no_matter_of_a_password(
    postgres_server: PostgresServer,
) -> None:
    rules = postgres_server.folder / "data" / "pg_hba.conf"
    rules.write_text("local other all trust\n")
    postgres_server.stop()
    postgres_server.start()
    error = await refused({"url": postgres_server.url()})
    assert "does not admit this user from this host" in error.message
    assert "pg_hba.conf" in error.hint


async def test_a_server_without_tls_is_named_when_the_url_asks_for_it() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        error = await refused({"url": f"postgresql://me:{_PASSWORD}@127.0.0.1:{port}/x?sslmode=require"})
        assert "has no TLS" in error.message
        assert "sslmode" in error.hint
        await gone.wait()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://me@a:5433,[::1]:5434/x", "'x' at a:5433,[::1]:5434"),
        ("postgresql://[::1]/x", "'x' at [::1]"),
        ("postgresql:///x?host=/a,/b", "'x' at /a,/b"),
        ("postgresql:///x?host=/a&port=5433", "'x' at /a:5433"),
    ],
)
def test_hosts_are_named_as_the_url_names_them(url: str, where: str) -> None:
    settings = PostgresSettings.read({"url": url})
    assert (settings.where, len(settings.servers) > 1) == (where, "," in url)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql://me@a:5433,[::1]:5434/x", [("a", 5433), ("::1", 5434)]),
        ("postgresql://%2Frun%2Fpg,b/x", [("/run/pg", 5432), ("b", 5432)]),
        ("postgresql:///x?host=/a,/b&port=5433", [("/a", 5433), ("/b", 5433)]),
        ("postgresql:///x?host=/a,/b&port=5433,5434", [("/a", 5433), ("/b", 5434)]),
    ],
)
def test_each_server_of_a_url_is_known(url: str, servers: list[tuple[str, int]]) -> None:
    assert list(PostgresSettings.read({"url": url}).servers) == servers


async def test_of_several_servers_a_silent_one_does_not_hide_the_others(database: Database, tmp_path: Path) -> None:
    """As one that is stopped or unplugged: it accepts, and says nothing."""
    silent: list[asyncio.StreamWriter] = []
    server = await asyncio.start_unix_server(lambda _, writer: silent.append(writer), str(tmp_path / SOCKET))
    url = database.url.replace(_folder(database.url), f"{tmp_path},{_folder(database.url)}")
    async with asyncio.timeout(PATIENCE), PostgresRegistry({**database.settings, "url": url}) as registry:
        assert await registry.stars() == []
    assert silent
    for writer in silent:
        writer.close()
    server.close()


async def test_of_several_servers_the_one_that_takes_writes_is_used(
    postgres_server: PostgresServer, database: Database
) -> None:
    """The other is one whose user may only read, which looks as a standby does."""
    admin = await asyncpg.connect(postgres_server.url())
    await admin.execute("alter role hyperverse set default_transaction_read_only = on")
    await admin.close()
    folders = f"{postgres_server.folder},{_folder(database.url)}"
    url = postgres_server.url().replace(str(postgres_server.folder), folders)
    settings = {**database.settings, "url": f"{url}&target_session_attrs=read-write"}
    async with PostgresRegistry(settings) as registry:
        await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
    error = await refused({"url": f"{postgres_server.url()}&target_session_attrs=read-write"})
    assert "no server of `url` is a primary" in error.message


def _folder(url: str) -> str:
    return url.partition("?host=")[2]


async def test_a_server_with_a_certificate_of_an_unknown_authority_is_named(tmp_path: Path) -> None:
    certificate, other, key = (tmp_path / name for name in ("certificate", "other", "key"))
    certify(other, key)
    certify(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        with contextlib.suppress(OSError):
            await writer.start_tls(context)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://me:{_PASSWORD}@127.0.0.1:{port}/x?sslmode=verify-full&sslrootcert="
        error = await refused({"url": f"{url}{other}"})
        assert "is not trusted" in error.message
        assert "sslrootcert" in error.hint
        error = await refused({"url": f"{url}{key}"})
        assert "no encrypted connection" in error.message
    finally:
        server.close()


def test_a_special_character_in_a_password_may_be_escaped() -> None:
    read = PostgresSettings.read({"url": "postgresql://me:a%40b%2Fc@db.example:5433/x"})
    assert read.where == "'x' at db.example:5433"
    assert "a%40b" not in repr(read)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("hyperverse_postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(PluginError) as raised:
        PluginSet.load().registry("postgres", {"url": "postgresql://h/x"})
    assert "cosmic-hyperverse[postgres]" in str(raised.value)


@pytest.mark.parametrize(
    ("file", "flags", "driver", "settings"),
    [
        ('url = "postgresql://h/x"', {}, "postgres", {"url": "postgresql://h/x"}),
        ('url = "postgres://h/x"\nschema = "s"', {}, "postgres", {"url": "postgres://h/x", "schema": "s"}),
        ('url = "sqlite:///f"', {}, "sql", {"url": "sqlite:///f"}),
        ('driver = "mine"\nurl = "postgresql://h/x"', {}, "mine", {"url": "postgresql://h/x"}),
        # as `up --join` does: what belongs to the registry of the file goes with it
        ('path = "f"\nsynchronous = "FULL"', "postgresql://h/x", "postgres", {"url": "postgresql://h/x"}),
        ('driver = "sql"\npath = "f"', "postgresql://h/x", "postgres", {"url": "postgresql://h/x"}),
        ('url = "postgresql://h/x"\nschema = "s"', "sqlite:///f", "sql", {"url": "sqlite:///f"}),
        ('schema = "s"', "postgresql://h/x", "postgres", {"schema": "s", "url": "postgresql://h/x"}),
    ],
)
def test_the_scheme_of_the_url_chooses_the_registry(
    tmp_path: Any, file: str, flags: Any, driver: str, settings: dict[str, str]
) -> None:
    config = tmp_path / "hyperverse.toml"
    config.write_text(f"[registry]\n{file}\n")
    given = {"registry.url": flags} if flags else {}
    loaded = load_config(config, flags=given, environ={}).config
    assert (loaded.registry.driver, dict(loaded.registry.settings)) == (driver, settings)


def test_a_password_is_hidden_once_the_settings_are_read() -> None:
    url = f"postgresql://me:{_PASSWORD}@db.example/x"
    PluginSet.load().registry("postgres", {"url": url})
    assert _PASSWORD not in masked(f"cannot connect to {url} with {_PASSWORD}")
