"""A large state goes its own way: nobody else waits for it, and the order of what is done to its particle stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import attrs
import pytest

from hyperverse_core.errors import NotHostedHere
from hyperverse_core.registry import Assignment, Registration
from hyperverse_core.testing.registry_kit.fixture_tree import fold
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.writers import LARGE_STATE
from patience import LEASE, PATIENCE
from postgres_server import Database
from registry.cutting_proxy import CuttingProxy

_A = Point.parse("localhost")
_B, _C = _A.child("b"), _A.child("c")
_LARGE = bytes(range(256)) * (3 * LARGE_STATE // 256)
_STAR = attrs.evolve(fold(), lease=LEASE)


@pytest.fixture
async def registry(proxy: CuttingProxy, database: Database) -> AsyncIterator[PostgresRegistry]:
    async with PostgresRegistry({"url": proxy.url, "schema": database.schema}) as registry:
        await registry.register(Registration(_A, Kind("Space"), HYPERUSER))
        for point in (_B, _C):
            await registry.register(Registration(point, Kind("Base"), HYPERUSER))
        yield registry


async def _hosted(registry: PostgresRegistry) -> Assignment:
    star = await registry.announce(_STAR)
    return (await registry.assign(_B, star.key, star.incarnation, None)).assignment


async def test_reads_and_small_writes_go_on_while_a_large_state_is_saved(
    registry: PostgresRegistry, database: Database
) -> None:
    held = await _hosted(registry)
    other = await asyncpg.connect(database.url)
    try:
        async with other.transaction():
            await other.execute(f'select from "{database.schema}".particles where point = $1 for update', _B.text)
            saving = asyncio.ensure_future(registry.save_state(_B, held, _LARGE))
            sessions = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname is not null"
            async with asyncio.timeout(PATIENCE):
                while not await other.fetchval(sessions):  # noqa: ASYNC110  # it waits at the server
                    await asyncio.sleep(0.01)
            # None of these waits for it, whichever connection they use.
            async with asyncio.timeout(PATIENCE):
                assert await registry.sequence(_C) == 1
                await registry.renew(await registry.stars())
                assert set(await registry.records([_B, _C])) == {_B, _C}
            assert not saving.done()
            behind = asyncio.ensure_future(registry.save_state(_B, held, b"small"))
            await asyncio.sleep(0.05)
            assert not behind.done()  # its particle keeps its order
        await saving
        await behind
        assert await registry.load_state(_B) == b"small"
    finally:
        await other.close()


async def test_a_large_state_comes_back_as_it_was_also_over_a_connection_that_breaks(
    registry: PostgresRegistry, proxy: CuttingProxy
) -> None:
    held = await _hosted(registry)
    await registry.save_state(_B, held, _LARGE)
    proxy.cut_answer = b"select s.state from"  # its text is sent once
    assert await registry.load_state(_B) == _LARGE
    assert proxy.cut_answer == b""
    proxy.cut_answer = b"save"
    await registry.save_state(_B, held, _LARGE[2:])
    assert proxy.cut_answer == b""
    assert await registry.load_state(_B) == _LARGE[2:]


async def test_a_caller_that_is_cancelled_leaves_the_order_as_it_was(registry: PostgresRegistry) -> None:
    held = await _hosted(registry)
    saving = asyncio.ensure_future(registry.save_state(_B, held, _LARGE))
    await asyncio.sleep(0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    await registry.save_state(_B, held, b"later")
    assert await registry.load_state(_B) == b"later"


async def test_a_large_first_state_and_one_that_is_no_longer_its_own(registry: PostgresRegistry) -> None:
    held = await _hosted(registry)
    point = _A.child("d")
    assert (await registry.register(Registration(point, Kind("Base"), HYPERUSER, state=_LARGE))).created
    assert await registry.load_state(point) == _LARGE
    star = await registry.announce(_STAR)  # anew: what was assigned before is not any more
    again = await registry.assign(point, star.key, star.incarnation, None)
    assert again.state == _LARGE
    with pytest.raises(NotHostedHere):
        await registry.save_state(_B, held, _LARGE)


async def test_assignments_that_bring_more_than_one_answer_holds_bring_each_state_as_it_is(
    registry: PostgresRegistry, proxy: CuttingProxy
) -> None:
    star = await registry.announce(_STAR)
    states = [None, b"", _LARGE, b"x" * 20_000, *(b"%d" % number * 100 for number in range(200))]
    points = [_A.child(f"d{number}") for number in range(len(states))]
    new = zip(points, states, strict=True)
    await asyncio.gather(*(registry.register(Registration(p, Kind("Base"), HYPERUSER, state=s)) for p, s in new))
    proxy.cut_answer = b"assign"  # what is sent again is answered in the same way
    assigned = await asyncio.gather(*(registry.assign(p, star.key, star.incarnation, None) for p in points))
    assert proxy.cut_answer == b""
    assert [one.state for one in assigned] == states


async def test_a_large_answer_is_read_behind_its_write_also_over_a_connection_that_breaks(
    registry: PostgresRegistry, proxy: CuttingProxy
) -> None:
    points = {_A.child(f"{'long' * 250}{number}") for number in range(100)}
    await asyncio.gather(*(registry.register(Registration(p, Kind("Base"), HYPERUSER)) for p in points))
    proxy.cut_answer = b"select outcome from"
    deleted = await registry.delete([_A])
    assert proxy.cut_answer == b""
    assert {record.point for record in deleted} == {_A, _B, _C, *points}
    assert await registry.records(points) == {}
