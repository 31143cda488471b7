"""A live particle is stopped when it is deleted, wherever and however."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from fabric.driver_world import Plugin, run
from hyperverse_core import (
    Ctx,
    Driver,
    KindDef,
    Machine,
    Particle,
    Point,
    handler,
)

_SOON = 0.3


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def mortal(told: list[str]) -> Plugin:
    """A Kind whose particles and driver note down how they end."""

    @attrs.define
    class Mortal(Particle):
        value: int = 0

        async def on_stop(self, ctx: Ctx) -> None:
            told.append(f"stop {ctx.point.name} {self.value}")
            if ctx.point.name == "saves":
                await ctx.save()
            if ctx.point.name == "hangs":
                await asyncio.Event().wait()

        @handler("Ext<Add>")
        async def add(self, ctx: Ctx, seconds: float = 0.0) -> int:
            await asyncio.sleep(seconds)
            self.value += 1
            return self.value

        @handler("Ext<End>")
        async def end(self, ctx: Ctx) -> None:
            (await ctx.execute(f"delete {ctx.point}")).unwrap()
            told.append("ended itself")

    class MortalDriver(Driver):
        kind = KindDef("Mortal", doc="ends")
        particle = Mortal

        async def on_delete(self, point: Point) -> None:
            told.append(f"delete {point.name}")

    return Plugin(MortalDriver)


async def with_mortal(start_machine: Any, mortal: Plugin, *names: str) -> Machine:
    machine: Machine = await start_machine(plugins=[mortal])
    await run(machine, "create localhost<Space>; create localhost:top<Base>")
    for name in names:
        await run(machine, f"create localhost:top:{name}<Mortal>")
        await machine.client().ask(f"localhost:top:{name}", "Ext<Add>")
    return machine


async def test_a_live_particle_stops_when_it_is_deleted(start_machine, mortal, told) -> None:
    machine = await with_mortal(start_machine, mortal, "a", "b")
    await run(machine, "delete localhost:top:a")
    assert told == ["stop a 1", "delete a"]
    await run(machine, "delete localhost:top")
    assert told[2:] == ["stop b 1", "delete b"]


async def test_a_particle_that_was_not_active_does_not_stop(start_machine, mortal, told) -> None:
    machine = await with_mortal(start_machine, mortal)
    await run(machine, "create localhost:top:a<Mortal>; create localhost:top:b<Mortal>")
    await machine.client().ping("localhost:top:b", "Cmd<Bounce>")  # it has a place, but no object
    await run(machine, "delete localhost:top")
    assert told == ["delete b"]


async def test_it_stops_when_the_deletion_is_read_from_the_feed(start_machine, mortal, told) -> None:
    machine = await with_mortal(start_machine, mortal, "a")
    await machine.registry.delete([Point.parse("localhost:top:a")])  # as another machine does
    await asyncio.sleep(_SOON)
    assert told == ["stop a 1", "delete a"]


async def test_it_stops_behind_the_handler_that_is_under_way(start_machine, mortal, told) -> None:
    machine = await with_mortal(start_machine, mortal, "a", "b")
    slow = asyncio.ensure_future(machine.client().ping("localhost:top:a", "Ext<Add>", 2.0))
    await asyncio.sleep(0.5)
    await run(machine, "delete localhost:top")
    assert told == ["stop b 1", "delete b"]
    assert (await slow).ok
    await asyncio.sleep(_SOON)
    assert told[2:] == ["stop a 2", "delete a"]


async def test_a_particle_may_delete_itself(start_machine, mortal, told) -> None:
    machine = await with_mortal(start_machine, mortal, "a")
    begun = asyncio.get_running_loop().time()
    assert (await machine.client().ping("localhost:top:a", "Ext<End>")).ok
    assert asyncio.get_running_loop().time() - begun < 1.0
    await asyncio.sleep(_SOON)
    assert told == ["ended itself", "stop a 1", "delete a"]


async def test_one_that_hangs_or_saves_when_it_stops_does_not_keep_the_deletion(
    start_machine, mortal, told, caplog
) -> None:
    machine = await with_mortal(start_machine, mortal, "hangs", "saves")
    begun = asyncio.get_running_loop().time()
    await run(machine, "delete localhost:top")
    assert asyncio.get_running_loop().time() - begun == pytest.approx(5.0, abs=0.5)
    assert sorted(told) == ["delete hangs", "delete saves", "stop hangs 1", "stop saves 1"]
    assert caplog.text.count("on_stop failed") == 1  # that of the one that hangs


async def test_a_particle_that_another_star_has_taken_does_not_stop(start_machine, mortal, told) -> None:
    machine = await with_mortal(start_machine, mortal, "a")
    active = machine.parts.homes.at_home(Point.parse("localhost:top:a"))
    machine.parts.homes.lease_lost()
    await asyncio.sleep(_SOON)
    assert active.gone
    assert told == []
