"""A database that says nothing any more, while its connections stay open: a cable that was pulled, a stopped server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import asyncpg
import attrs
import pytest

from hyperverse_core.errors import HyperverseError, OutcomeUnknown, Unavailable
from hyperverse_core.registry import Registration
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres import link, writer
from hyperverse_postgres.answers import AnswerTimes, watched
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE, budget
from postgres_server import Database
from registry.cutting_proxy import CuttingProxy

_A = Point.parse("localhost")
_LEASE = 1.0


@pytest.fixture
async def registry(proxy: CuttingProxy, database: Database) -> AsyncIterator[PostgresRegistry]:
    async with PostgresRegistry({"url": proxy.url, "schema": database.schema}) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        await registry.announce(attrs.evolve(fold(), lease=_LEASE))
        yield registry


async def test_a_database_that_says_nothing_is_noticed_and_found_again(
    registry: PostgresRegistry, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SETTLE", 0.2)
    count = await registry.sequence(_A)
    proxy.silent = True
    begun = time.monotonic()
    writing = asyncio.ensure_future(registry.sequence(_A))
    reading = asyncio.ensure_future(registry.records([_A]))
    with pytest.raises(Unavailable, match="no answer in time"):
        await reading
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        await writing
    # Far below the 35 s after which the server's own limits would tell.
    assert time.monotonic() - begun < budget(20 * _LEASE)
    assert "cannot be reached: no answer in time" in registry.troubles()[0].cause
    with pytest.raises(Unavailable, match="nothing was written"):  # of what is asked for from now on, this is known
        await registry.sequence(_A)
    proxy.silent = False
    assert await _when_it_is_back(registry) == count + 1
    assert (await registry.record(_A)).kind == Kind("Space")
    assert not registry.trouble()


async def test_what_waits_behind_a_write_in_doubt_is_answered_at_once(
    registry: PostgresRegistry, proxy: CuttingProxy
) -> None:
    proxy.silent = True
    first = asyncio.ensure_future(registry.sequence(_A))
    await asyncio.sleep(0)
    behind = asyncio.ensure_future(registry.announce(fold()))
    with pytest.raises(Unavailable, match="nothing was written"):
        await behind
    assert not first.done()  # it is still looked for
    proxy.silent = False
    assert await first == 1


async def _when_it_is_back(registry: PostgresRegistry) -> int:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await registry.sequence(_A)
            except HyperverseError:
                await asyncio.sleep(0.05)


async def test_a_write_that_is_only_slow_is_done_once(registry: PostgresRegistry, database: Database) -> None:
    """It is sent again over another connection, and waits for a lock as the first did."""
    import asyncpg

    other = await asyncpg.connect(database.url)
    try:
        async with other.transaction():
            await other.execute(f'lock table "{database.schema}".particles in exclusive mode')
            numbers = asyncio.gather(*(registry.sequence(_A) for _ in range(5)))
            await asyncio.sleep(3 * _LEASE)  # longer than it waits for two answers
            assert not numbers.done()
        assert sorted(await numbers) == [1, 2, 3, 4, 5]
        assert await registry.sequence(_A) == 6
    finally:
        await other.close()


async def test_what_nobody_waits_for_any_more_ends_at_the_server_also_while_it_waits_for_a_lock(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    """Otherwise each write that was given up would hold a session, until nobody gets one."""
    monkeypatch.setitem(link._SESSION, "statement_timeout", "0")  # which would end it too, after half a minute
    waiting = "select array_agg(pid) from pg_stat_activity where wait_event_type = 'Lock'"
    other = await asyncpg.connect(database.url)
    async with PostgresRegistry(database.settings) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        await registry.announce(attrs.evolve(fold(), lease=_LEASE))
        await other.execute(f"begin; lock table {database.schema}.particles in access exclusive mode")
        writing = asyncio.ensure_future(registry.sequence(_A))
        async with asyncio.timeout(PATIENCE):
            while not (given_up := await other.fetchval(waiting)):  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(0.01)
            while set(given_up) & set(await other.fetchval(waiting) or ()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await other.execute("rollback")
        with contextlib.suppress(Unavailable, OutcomeUnknown):
            await writing
        assert await registry.sequence(_A) in (1, 2)
    await other.close()


def test_how_long_an_answer_may_take_follows_the_lease() -> None:
    answers = AnswerTimes()
    waits = [answers.wait(broken) for broken in range(5)]
    assert waits == [5.0, 10.0, 20.0, 35.0, 35.0]
    assert [answers.is_last(broken) for broken in range(5)] == [False, False, False, True, True]
    answers.within(2.0)
    assert (answers.wait(0), answers.wait(1), answers.connect) == (1.0, 2.0, 2.0)
    answers.within(45.0)  # not half a minute, although nobody takes its particles before
    assert (answers.wait(0), answers.connect) == (10.0, 5.0)
    answers.within(0.1)
    assert (answers.wait(0), answers.connect) == (0.5, 1.0)


async def test_each_connection_is_watched(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    found: list[asyncio.BaseTransport] = []
    monkeypatch.setattr(link, "watched", found.append)
    async with PostgresRegistry(database.settings):
        assert len({id(transport) for transport in found}) == 2
        assert not any(transport.is_closing() for transport in found)


async def test_the_system_watches_connections_over_tcp() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()  # the other side has closed
        watched(writer.transport)
        made = writer.get_extra_info("socket")
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        writer.close()
        await writer.wait_closed()
    watched(None)
