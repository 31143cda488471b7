"""Which server a PostgreSQL registry uses, and what it says of one that it cannot use."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import asyncpg
import pytest

from certificates import certify
from hyperverse_core.errors import Unavailable
from hyperverse_core.registry import Registration
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres import schema
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE
from postgres_server import Database, PostgresServer
from registry.cutting_proxy import SOCKET
from registry.refused_opening import PASSWORD, refused


async def test_a_server_that_is_too_old_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_OLDEST_SERVER", 999)
    assert "too old" in (await refused(database.settings)).message


async def test_a_server_that_does_not_run_cannot_be_reached(tmp_path: object) -> None:
    url = f"postgresql://me:{PASSWORD}@/x?host={tmp_path}"
    assert "cannot be reached" in (await refused({"url": url}, Unavailable)).message


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
        error = await refused({"url": f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/x?sslmode=require"})
        assert "has no TLS" in error.message
        assert "sslmode" in error.hint
        await gone.wait()
    finally:
        server.close()


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
        url = f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/x?sslmode=verify-full&sslrootcert="
        error = await refused({"url": f"{url}{other}"})
        assert "is not trusted" in error.message
        assert "sslrootcert" in error.hint
        error = await refused({"url": f"{url}{key}"})
        assert "no encrypted connection" in error.message
    finally:
        server.close()
