"""The server has another history than before: a standby has taken over, or a backup was restored. Each machine drops
what it knows, and takes its places anew."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import cast

import asyncpg
import pytest

from hyperverse_core import Config, Machine
from hyperverse_core.errors import Unavailable
from hyperverse_core.registry import Changes, Registration
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE
from postgres_server import PostgresServer

_A = Point.parse("localhost")


async def _told(registry: PostgresRegistry, since: int) -> Changes:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await registry.changes(since, timeout=PATIENCE)
            except Unavailable:  # it is away for a moment
                await asyncio.sleep(0.05)


@pytest.mark.thorough  # a server of its own
async def test_a_reader_is_told_that_the_server_has_another_history(postgres_server: PostgresServer) -> None:
    async with PostgresRegistry({"url": postgres_server.url()}) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        star = await registry.announce(fold())
        since = await registry.revision()
        postgres_server.stop()
        postgres_server.start()  # the same server in the same history
        assert not (await _at_once(registry, since)).lost
        await asyncio.to_thread(postgres_server.begin_another_history)
        # Something else reads first, and finds the new server.
        while True:
            try:
                assert [found.key for found in await registry.stars()] == [star.key]
                break
            except Unavailable:
                await asyncio.sleep(0.05)
        found = await _told(registry, since)
        assert (found.lost, found.set_back, found.entries) == (True, True, ())
        await registry.sequence(_A)
        await registry.announce(star)
        later = await registry.changes(found.revision, timeout=PATIENCE)
        assert [entry.point for entry in later.entries] == [Point.of_star(star.key)]
        assert not (await registry.changes(later.revision, timeout=0)).lost


async def _at_once(registry: PostgresRegistry, since: int) -> Changes:
    """What is told at once, when the server is back."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await registry.changes(since, timeout=0)
            except Unavailable:
                await asyncio.sleep(0.05)


@pytest.mark.thorough
async def test_a_machine_takes_its_places_anew(postgres_server: PostgresServer, tmp_path: Path) -> None:
    settings = {"url": postgres_server.url()}
    async with PostgresRegistry(settings) as looking:
        registry = PostgresRegistry(settings)
        await registry.open()
        async with Machine(Config(name="here", data_dir=tmp_path), registry=registry) as machine:
            client = machine.client()
            await client.exec("create localhost<Space>; create localhost:a<Base>")
            assert (await client.ping("localhost:a", "Cmd<Bounce>")).ok
            before = {star.key: star.incarnation for star in await looking.stars()}
            await asyncio.to_thread(postgres_server.begin_another_history)

            async with asyncio.timeout(PATIENCE):
                while True:
                    with suppress(Unavailable):
                        now = {star.key: star.incarnation for star in await looking.stars()}
                        if now.keys() == before.keys() and all(now[key] > before[key] for key in before):
                            break
                    await asyncio.sleep(0.05)
                while not (await client.ping("localhost:a", "Cmd<Bounce>", wait=PATIENCE)).ok:
                    pass
        await registry.close()


async def _drawn_at(standby: asyncpg.Connection) -> int | None:
    """The last number that was drawn, as far as a standby knows it: at first it has no tables yet."""
    try:
        return cast("int | None", await standby.fetchval("select sequence from particles where point = $1", _A.text))
    except asyncpg.UndefinedTableError:
        return None


@pytest.mark.thorough  # starts two servers
async def test_of_several_servers_the_primary_is_used_also_after_a_failover(postgres_server: PostgresServer) -> None:
    standby = postgres_server.standby()
    try:
        url = postgres_server.url().replace("?host=", f"?host={standby.folder},")  # the standby comes first
        async with PostgresRegistry({"url": url}) as registry:
            await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
            since = await registry.revision()
            numbers = [await registry.sequence(_A) for _ in range(5)]
            admin = await asyncpg.connect(standby.url())
            async with asyncio.timeout(PATIENCE):
                while await _drawn_at(admin) != numbers[-1]:  # noqa: ASYNC110  # nothing tells of it
                    await asyncio.sleep(0.02)
            postgres_server.stop(signal.SIGQUIT)
            with pytest.raises(Unavailable):  # there is no primary
                await registry.sequence(_A)
            await admin.execute("select pg_promote()")
            await admin.close()
            async with asyncio.timeout(PATIENCE):
                while len(numbers) < 6:
                    with suppress(Unavailable):
                        numbers.append(await registry.sequence(_A))
            assert numbers == [1, 2, 3, 4, 5, 6]
            assert (await _told(registry, since)).lost
    finally:
        standby.stop()
