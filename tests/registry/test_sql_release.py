"""A star may hold a hundred thousand particles: to release them keeps no other machine from renewing its leases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hyperverse_core import Config, Machine
from hyperverse_core.registry import Registration, StarRecord
from hyperverse_core.values import HYPERUSER, Kind, Point, StarKey
from hyperverse_sql.registry import SqlRegistry

MANY = 5000
GHOST, OTHER = StarKey("kit", "ghost"), StarKey("kit", "other")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqlRegistry]:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as opened:
        yield opened


async def _filled(registry: SqlRegistry, count: int) -> StarRecord:
    star = await registry.announce(StarRecord(GHOST, "Fold", "gone"))
    await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
    points = [Point.parse(f"localhost:x{number}") for number in range(count)]
    await asyncio.gather(*(registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in points))
    await asyncio.gather(*(registry.assign(point, star.key, star.incarnation, None) for point in points))
    return star


async def _withdraw(registry: SqlRegistry, star: StarRecord) -> None:
    await registry.withdraw([star])


async def _expire(registry: SqlRegistry, star: StarRecord) -> None:
    assert await registry.expire(star)


async def _announce(registry: SqlRegistry, star: StarRecord) -> None:
    assert (await registry.announce(star)).incarnation == star.incarnation + 1


@pytest.mark.parametrize("end", [_withdraw, _expire, _announce])
async def test_leases_are_renewed_while_the_particles_of_a_star_are_released(
    registry: SqlRegistry, end: Callable[[SqlRegistry, StarRecord], Awaitable[None]]
) -> None:
    star = await _filled(registry, MANY)
    other = await registry.announce(StarRecord(OTHER, "Fold", "other"))
    releasing = asyncio.create_task(end(registry, star))
    renewed = -1  # the first may go before
    while not releasing.done():
        await asyncio.sleep(0)
        await registry.renew([other])
        renewed += 1
    await releasing
    assert renewed >= 2
    assert not (await registry.hosted(GHOST)).records


async def test_a_release_goes_on_when_its_caller_has_no_time_for_all(registry: SqlRegistry) -> None:
    star = await _filled(registry, MANY)
    releasing = asyncio.create_task(registry.withdraw([star]))
    while await registry.stars():  # noqa: ASYNC110 - as long as the star is there
        await asyncio.sleep(0)
    releasing.cancel()
    while (await registry.hosted(GHOST)).records:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)


async def test_a_particle_that_a_dead_machine_had_no_time_to_release_is_placed_at_once(tmp_path: Path) -> None:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        await _filled(registry, 1)
    with sqlite3.connect(tmp_path / "registry.sqlite") as database:
        database.execute("UPDATE stars SET announced = 0")
    database.close()
    async with Machine(Config(name="here", data_dir=tmp_path)) as machine:
        reply = await machine.client().ping("localhost:x0", "Cmd<Bounce>")
    assert reply.ok, reply.error
