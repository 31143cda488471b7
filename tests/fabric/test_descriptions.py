"""What `Ext<Describe>` says of a particle: its own causes, and what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.testing.fixtures import StartMachine

MACHINE = "GLOBAL::machine"


class Lamp(Particle):
    async def on_start(self, ctx: Ctx) -> None:
        raise ValueError(f"{ctx.point.text} is broken")

    @handler("Ext<Shine>")
    async def shine(self, ctx: Ctx, hours: int) -> None:
        """Shines."""


class LampDriver(Driver):
    kind = KindDef("Lamp", doc="Shines")
    particle = Lamp


@attrs.define
class Shop(Particle):
    sold: int = 0

    @handler("Ext<Sell>")
    async def sell(self, ctx: Ctx) -> None:
        self.sold += 1
        await ctx.save()

    @handler("Ext<Burn>")
    async def burn(self, ctx: Ctx) -> None:
        raise ValueError("it burns")


class ShopDriver(Driver):
    kind = KindDef("Shop", doc="Sells")
    particle = Shop
    placement = "hash"


class Lamps:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(LampDriver)
        register(ShopDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Lamps(),)


async def test_a_particle_has_no_causes_of_another_whose_point_begins_with_its_own(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:x<Lamp>; create localhost:xy<Lamp>")
    for point in ("localhost:xy", "localhost:x"):
        assert (await client.ping(point, "Ext<Shine>", {"hours": 1})).status == 500
    about = await client.ask("GLOBAL::machine", "Ext<Describe>", {"point": "localhost:x"})
    assert about["life"] == "failed" and len(about["chain"]) == 2
    assert "localhost:x is broken" in about["chain"][1]


async def test_it_tells_what_a_particle_takes_when_asked(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:x<Lamp>")
    about = await client.ask("GLOBAL::machine", "Ext<Describe>", {"point": "localhost:x", "handlers": True})
    known = await client.ask("GLOBAL::machine", "Ext<Kind>", {"kind": "Lamp"})
    assert about["handlers"] == known["handlers"] and about["handlers"]
    assert "handlers" not in await client.ask("GLOBAL::machine", "Ext<Describe>", {"point": "localhost:x"})


async def describe(machine: Machine, point: str) -> Any:
    return await machine.client().ask(MACHINE, "Ext<Describe>", {"point": point})


async def test_a_start_that_has_failed_is_the_last_failure(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:x<Lamp>")
    assert (await describe(machine, "localhost:x"))["failure"] is None
    assert (await client.ping("localhost:x", "Ext<Shine>", {"hours": 1})).status == 500
    failure = (await describe(machine, "localhost:x"))["failure"]
    assert failure["what"] == "on_start: ValueError: localhost:x is broken" and failure["ago"] >= 0


async def test_it_says_by_what_a_particle_is_placed_and_when_its_state_was_saved(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:s<Shop>")
    before = await describe(machine, "localhost:s")
    assert (before["placement"], before["saved"]) == ("hash", None)
    await client.ask("localhost:s", "Ext<Sell>")
    assert (await describe(machine, "localhost:s"))["saved"] >= 0


async def test_another_machine_tells_what_the_home_of_a_particle_knows(
    start_machine: StartMachine, machine_config: Any
) -> None:
    one, other = [await start_machine(config=attrs.evolve(machine_config, name=name)) for name in ("one", "other")]
    await asyncio.sleep(1.0)
    await one.client().exec("create localhost<Space>; create localhost:top<Base>")
    points = [f"localhost:top:s{number}" for number in range(8)]
    for point in points:
        await one.client().exec(f"create {point}<Shop>")
        await one.client().ask(point, "Ext<Sell>")
        assert (await one.client().ping(point, "Ext<Burn>")).status == 500
    homes = {point: (await describe(one, point))["machine"] for point in points}
    assert set(homes.values()) == {"one", "other"}
    for asked in (one, other):
        for point in points:
            about = await describe(asked, point)
            assert (about["answered_by"], about["machine"]) == (asked.name, homes[point])
            assert about["saved"] is not None and about["failure"]["what"] == "Ext<Burn>: ValueError: it burns"
