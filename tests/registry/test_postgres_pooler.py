"""The registry behind a pooler in transaction mode, where nothing may rest on what a session knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from hyperverse_core.errors import ConfigError, HyperverseError
from hyperverse_core.registry import ChangeKind, Registration, Status
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point, Selector
from hyperverse_postgres.registry import PostgresRegistry
from patience import PATIENCE
from postgres_server import Database
from registry.transaction_pooler import TransactionPooler, pooled

_A = Point.parse("localhost")


@pytest.fixture
async def pooler(database: Database) -> AsyncIterator[TransactionPooler]:
    async with pooled(database.url) as pooler:
        yield pooler


async def test_many_registries_work_over_few_sessions(pooler: TransactionPooler, database: Database) -> None:
    settings = {"url": pooler.url, "schema": database.schema, "pooler": True}
    async with AsyncExitStack() as stack:
        many = [await stack.enter_async_context(PostgresRegistry(settings)) for _ in range(4)]  # eight connections
        one, other = many[:2]
        since = await other.revision()
        waiting = asyncio.ensure_future(other.changes(since, timeout=PATIENCE))
        await one.register(Registration(_A, Kind("Space"), HYPERUSER, state=b"first"))
        assert [entry.point for entry in (await waiting).entries] == [_A]
        star = await one.announce(fold())
        held = (await one.assign(_A, star.key, star.incarnation, None)).assignment
        await asyncio.gather(*(one.save_state(_A, held, b"%d" % number) for number in range(20)))
        assert await other.load_state(_A) == b"19"
        numbers = await asyncio.gather(*(each.sequence(_A) for each in many * 10))
        assert sorted(numbers) == list(range(1, 41))
        points = [_A.child(f"p{number}") for number in range(40)]
        for each in many:
            some = points[many.index(each) :: 4]
            await asyncio.gather(*(each.register(Registration(point, Kind("Base"), HYPERUSER)) for point in some))
        found = await asyncio.gather(*(each.records(points) for each in many))
        assert [len(records) for records in found] == [40] * 4
        page = await other.select(Selector.parse("localhost:**"), limit=100)
        assert {record.point for record in page.records} == set(points)
        await one.renew([star])
        assert await other.expire((await other.stars())[0])
        await other.set_status(_A, Status.PAUSED)
        entries = []
        while not entries or entries[-1].kind is not ChangeKind.STATUS:
            changes = await one.changes(since, timeout=PATIENCE)
            entries += changes.entries
            since = changes.revision
        assert len(entries) == len({entry.revision for entry in entries}) == 1 + 1 + 1 + 40 + 1 + 1
        assert (await one.record(_A)).assignment is None
    assert not pooler.refused
    assert pooler.lent > 50


async def test_a_commit_behind_a_pooler_waits_for_the_disk(pooler: TransactionPooler, database: Database) -> None:
    """Its sessions may have been told otherwise."""
    admin = await asyncpg.connect(database.url)
    try:
        async with PostgresRegistry({"url": pooler.url, "schema": database.schema, "pooler": True}) as registry:
            await admin.execute(
                f"""
                create table {database.schema}.seen (value text);
                create function {database.schema}.look() returns trigger language plpgsql as $$
                begin insert into {database.schema}.seen values (current_setting('synchronous_commit')); return null;
                end $$;
                create trigger look after insert on {database.schema}.changes
                execute function {database.schema}.look();
                alter role current_user set synchronous_commit = off
                """
            )
            try:
                async with (
                    pooled(database.url) as lazy,
                    PostgresRegistry({"url": lazy.url, "schema": database.schema, "pooler": True}) as other,
                ):
                    await other.register(Registration(_A, Kind("Space"), HYPERUSER))
            finally:
                await admin.execute("alter role current_user reset synchronous_commit")
            assert (await registry.record(_A)).kind == Kind("Space")
            assert await admin.fetchval(f"select value from {database.schema}.seen") == "on"
    finally:
        await admin.close()


async def test_without_the_setting_a_pooler_refuses_and_with_it_another_isolation_is_refused(
    pooler: TransactionPooler, database: Database
) -> None:
    with pytest.raises(HyperverseError) as raised:
        await PostgresRegistry({"url": pooler.url, "schema": database.schema}).open()
    assert "unsupported startup parameter" in raised.value.message
    assert "pooler = true" in raised.value.hint
    admin = await asyncpg.connect(database.url)
    await admin.execute("alter role current_user set default_transaction_isolation = 'serializable'")
    try:
        async with pooled(database.url) as strict:
            with pytest.raises(ConfigError, match="serializable"):
                await PostgresRegistry({"url": strict.url, "schema": database.schema, "pooler": True}).open()
    finally:
        await admin.execute("alter role current_user reset default_transaction_isolation")
        await admin.close()


@pytest.mark.parametrize("told", [False, True], ids=["as it is", "the user has the settings of the docs"])
async def test_a_pooler_that_ignores_what_it_does_not_know_is_named_all_the_same(
    database: Database, told: bool
) -> None:
    admin = await asyncpg.connect(database.url)
    try:
        for name, value in (("statement_timeout", "30s"), ("enable_seqscan", "off")) if told else ():
            await admin.execute(f"alter role current_user set {name} = '{value}'")
        async with pooled(database.url, ignores=True) as lenient:
            settings = {"url": lenient.url, "schema": database.schema}
            with pytest.raises(HyperverseError, match="there is a pooler in front of") as raised:
                async with AsyncExitStack() as stack:
                    many = [await stack.enter_async_context(PostgresRegistry(settings)) for _ in range(4)]
                    for number in range(100):
                        for each in many:
                            await each.records([_A.child(f"p{number}")])
            assert "pooler = true" in raised.value.hint
    finally:
        await admin.execute("alter role current_user reset statement_timeout")
        await admin.execute("alter role current_user reset enable_seqscan")
        await admin.close()
