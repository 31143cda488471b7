"""A drain goes on to its end, also when nobody waits for it any longer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl

MACHINE = "GLOBAL::machine"
PACKING = 3.0
"""Seconds that a particle takes to leave: less than it may."""


class Guest(Particle):
    @handler("Ext<Stay>")
    async def stay(self, ctx: Ctx) -> None:
        """Nothing."""

    async def on_stop(self, ctx: Ctx) -> None:
        await asyncio.sleep(PACKING)


class GuestDriver(Driver):
    kind = KindDef("Guest", doc="Takes its time to leave")
    particle = Guest


class Guests:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(GuestDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Guests(),)


async def test_a_drain_goes_on_when_its_sender_waits_no_longer(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>")
    points = [f"localhost:g{number}" for number in range(8)]
    for point in points:
        await client.exec(f"create {point}<Guest>")
        await client.ask(point, "Ext<Stay>")

    def here() -> int:
        return sum(point in hosting.active for hosting in machine.parts.homes.values() for point in points)

    stars = sum(any(point in hosting.active for point in points) for hosting in machine.parts.homes.values())
    assert here() == len(points) and stars > 1, "one star is emptied after the other"
    assert (await client.ping(MACHINE, "Ext<Drain>", wait=PACKING / 3)).status == 408
    assert machine.status()["draining"] is True and here() == len(points)
    await asyncio.sleep(PACKING * (stars + 1))
    assert here() == 0


async def test_a_machine_stops_although_it_is_being_drained(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:g<Guest>")
    await client.ask("localhost:g", "Ext<Stay>")
    assert (await client.ping(MACHINE, "Ext<Drain>", wait=PACKING / 3)).status == 408
    await machine.stop()
