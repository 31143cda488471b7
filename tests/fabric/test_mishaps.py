"""What goes wrong in one particle or one driver, or for a moment in the registry, stays there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Outcome, Particle, Point, handler, hookimpl
from hyperverse_core.contracts.driver import DriverHost
from hyperverse_core.contracts.registry import Assignment, Registry, StarRecord
from hyperverse_core.errors import Unavailable
from hyperverse_core.testing.fixtures import StartMachine

_IDLE = 1.0


async def _await_what_others_cancelled() -> None:
    task = asyncio.ensure_future(asyncio.sleep(10))
    task.cancel()
    await task


@attrs.define(eq=False)
class Clumsy(Particle):
    value: int = 0
    stops_badly: bool = False

    async def on_stop(self, ctx: Ctx) -> None:
        if self.stops_badly:
            await _await_what_others_cancelled()

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, value: Any = 0, times: int = 1, stops_badly: bool = False) -> int:
        self.value = value**times
        self.stops_badly = stops_badly
        return 1

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        return self.value

    @handler("Ext<Slow>")
    async def slow(self, ctx: Ctx, seconds: float) -> int:
        await asyncio.sleep(seconds)
        self.value += 1
        return self.value

    @handler("Ext<Trip>")
    async def trip(self, ctx: Ctx) -> None:
        self.value += 1
        await ctx.save()
        await _await_what_others_cancelled()


@attrs.define(eq=False)
class Crowded(Clumsy):
    concurrent = True


class Stumbler(Clumsy):
    async def on_start(self, ctx: Ctx) -> None:
        await _await_what_others_cancelled()


class ClumsyDriver(Driver):
    kind = KindDef("Clumsy", doc="Does things wrong (for tests)")
    particle = Clumsy

    async def start(self, host: DriverHost) -> None:
        pass

    async def stop(self) -> None:
        await _await_what_others_cancelled()


class CrowdedDriver(Driver):
    kind = KindDef("Crowded", doc="The same, many at once (for tests)")
    particle = Crowded


class StumblerDriver(Driver):
    kind = KindDef("Stumbler", doc="Cannot start (for tests)")
    particle = Stumbler


class Mishaps:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """All."""
        register(StumblerDriver)
        register(ClumsyDriver)
        register(CrowdedDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Mishaps(),)


@pytest.fixture
def machine_config(machine_config: Any) -> Any:
    return attrs.evolve(machine_config, idle_after=_IDLE)


async def _made(machine: Machine, count: int = 8, kind: str = "Clumsy") -> list[Point]:
    await machine.client().exec("create localhost<Space>")
    points = [Point.parse(f"localhost:c{number}") for number in range(count)]
    for point in points:
        await machine.client().exec(f"create {point}<{kind}>")
    return points


async def _two(start: StartMachine, config: Any) -> tuple[Machine, Machine]:
    one = await start(config=attrs.evolve(config, name="one"))
    other = await start(config=attrs.evolve(config, name="other"))
    await asyncio.sleep(1.0)
    return one, other


async def _assignment(machine: Machine, point: Point) -> Assignment | None:
    return (await machine.registry.record(point)).assignment


# -- states that cannot be written -------------------------------------------------------------------------


async def test_one_whose_state_cannot_be_written_does_not_keep_its_neighbours(machine: Machine) -> None:
    points = await _made(machine)
    client = machine.client()
    for number, point in enumerate(points):
        await client.ask(point, "Ext<Put>", {"value": 2 + number, "times": 70 if number == 0 else 1})
    await asyncio.sleep(3 * _IDLE)
    assert [await _assignment(machine, point) for point in points] == [None] * len(points)
    assert [await client.ask(point, "Ext<Get>") for point in points] == [0, 3, 4, 5, 6, 7, 8, 9]
    await asyncio.sleep(3 * _IDLE)
    assert [await _assignment(machine, point) for point in points] == [None] * len(points)


async def test_a_machine_stops_whatever_its_particles_hold(machine: Machine, machine_registry: Registry) -> None:
    points = await _made(machine, 3)
    for number, point in enumerate(points):
        await machine.client().ask(point, "Ext<Put>", {"value": 2, "times": 70 if number == 0 else 1})
    await machine.stop()
    assert await machine_registry.stars() == []


# -- cancelled by others -----------------------------------------------------------------------------------


@pytest.mark.parametrize("retries", [0, 2])
async def test_awaiting_what_was_cancelled_is_an_error_of_the_handler(
    start_machine: StartMachine, machine_config: Any, retries: int
) -> None:
    one, other = await _two(start_machine, machine_config)
    (point, *_) = await _made(one, 1)
    for value, machine in enumerate((one, other, one, other), start=1):
        reply = await machine.client().ping(point, "Ext<Trip>", retries=retries, wait=5.0)
        assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
        assert "CancelledError" in reply.error
        assert await machine.client().ask(point, "Ext<Get>") == value


async def test_one_that_starts_badly_says_so(machine: Machine) -> None:
    (point, *_) = await _made(machine, 1, "Stumbler")
    for _ in range(2):
        reply = await machine.client().ping(point, "Ext<Get>", wait=5.0)
        assert reply.status == 500
        assert "could not start: CancelledError" in reply.error


async def test_one_that_stops_badly_leaves_all_the_same(machine: Machine) -> None:
    points = await _made(machine, 3)
    for point in points:
        await machine.client().ask(point, "Ext<Put>", {"value": 5, "stops_badly": point is points[0]})
    await asyncio.sleep(3 * _IDLE)
    assert [await _assignment(machine, point) for point in points] == [None] * 3
    assert [await machine.client().ask(point, "Ext<Get>") for point in points] == [5, 5, 5]


# -- assigned, and not alive ---------------------------------------------------------------------------------


async def test_a_particle_whose_release_has_failed_can_be_reached_from_everywhere(
    start_machine: StartMachine, machine_config: Any, machine_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await _two(start_machine, machine_config)
    points = await _made(one)
    for point in points:
        await one.client().ask(point, "Ext<Put>", {"value": 7})

    async def refuse(ended: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(machine_registry, "release", refuse)
        await asyncio.sleep(3 * _IDLE)
    assert all([await _assignment(one, point) for point in points])
    assert not any(machine.parts.homes.at_home(point) for machine in (one, other) for point in points)
    for machine in (one, other):
        assert [await machine.client().ask(point, "Ext<Get>") for point in points] == [7] * len(points)


async def test_a_particle_whose_placing_was_cut_off_can_be_reached_from_everywhere(
    start_machine: StartMachine, machine_config: Any, machine_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await _two(start_machine, machine_config)
    points = await _made(one)
    assign = machine_registry.assign

    async def assign_and_dawdle(*arguments: Any) -> Any:
        assigned = await assign(*arguments)
        await asyncio.sleep(1.0)
        return assigned

    with monkeypatch.context() as patch:
        patch.setattr(machine_registry, "assign", assign_and_dawdle)
        for point in points:
            assert (await one.client().ping(point, "Ext<Get>", wait=0.5)).status == 408
    for machine in (other, one):
        assert [await machine.client().ask(point, "Ext<Get>") for point in points] == [0] * len(points)


# -- caches ----------------------------------------------------------------------------------------------------


async def test_a_new_owner_counts_though_the_way_to_the_particle_was_forgotten(machine: Machine) -> None:
    (point, *_) = await _made(machine, 1)
    old, new = Point.parse("localhost:ann"), Point.parse("localhost:bob")
    await machine.registry.chown([point], old)
    await machine.client(old).ask(point, "Ext<Get>")
    machine.parts.places.drop(point)  # as when the directory of stars changes while it is looked for
    await machine.registry.chown([point], new)
    await asyncio.sleep(0.2)
    assert (await machine.client(old).ping(point, "Ext<Get>")).status == 404
    assert await machine.client(new).ask(point, "Ext<Get>") == 0


# -- never two ---------------------------------------------------------------------------------------------------


async def test_no_handler_begins_in_a_particle_that_is_about_to_leave(machine: Machine) -> None:
    (point, *_) = await _made(machine, 1, "Crowded")
    client = machine.client()
    await client.ask(point, "Ext<Put>", {"value": 10})
    live = machine.parts.homes.at_home(point)
    assert live is not None
    leaving = asyncio.ensure_future(machine.parts.homes[live.star.key].passivate([live], 5.0))
    slow = asyncio.ensure_future(client.ask(point, "Ext<Slow>", {"seconds": 0.2}))
    await asyncio.sleep(0.1)
    assert await client.ask(point, "Ext<Get>") == 10
    assert await slow == 11
    assert await client.ask(point, "Ext<Get>") == 11  # it ran in the one that everybody sees
    await leaving


async def test_a_handler_that_outlives_the_lease_of_its_machine_is_not_believed(
    start_machine: StartMachine, machine_config: Any, machine_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await _two(start_machine, attrs.evolve(machine_config, idle_after=300.0, lease=2.0))
    (point, *_) = await _made(one, 1)
    await one.client().ask(point, "Ext<Get>")
    home = one if one.parts.homes.at_home(point) else other
    renew = machine_registry.renew

    async def renew_others(stars: Sequence[StarRecord]) -> None:
        if stars[0].machine == home.name:
            raise Unavailable("the disk is full")
        await renew(stars)

    monkeypatch.setattr(machine_registry, "renew", renew_others)
    slow = asyncio.ensure_future(home.client().ping(point, "Ext<Slow>", {"seconds": 1.9}))
    reply = await slow
    assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN)
    assert "lease" in reply.error
