"""What `Ext<Describe>` says of a particle: its own causes, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl


class Lamp(Particle):
    async def on_start(self, ctx: Ctx) -> None:
        raise ValueError(f"{ctx.point.text} is broken")

    @handler("Ext<Shine>")
    async def shine(self, ctx: Ctx, hours: int) -> None:
        """Shines."""


class LampDriver(Driver):
    kind = KindDef("Lamp", doc="Shines")
    particle = Lamp


class Lamps:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(LampDriver)


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
