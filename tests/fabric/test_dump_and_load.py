"""A particle that dumps and loads its state itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fabric.driver_world import Plugin, run
from hyperverse_core import Ctx, Driver, KindDef, Particle, Point, handler
from hyperverse_core.errors import HyperverseError


class Bytes(Particle):
    def __init__(self) -> None:
        self.memory = b""

    def dump(self) -> bytes:
        if self.memory == b"bad":
            raise RuntimeError("the memory is torn")
        return self.memory

    def load(self, saved: Any) -> None:
        self.memory = saved

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, data: bytes) -> None:
        self.memory = data

    @handler("Ext<Save>")
    async def save(self, ctx: Ctx) -> None:
        await ctx.save()


class BytesDriver(Driver):
    kind = KindDef("Bytes", doc="keeps bytes")
    particle = Bytes
    idle_after = 5.0


async def test_what_a_particle_dumps_is_read_saved_and_loaded(start_machine) -> None:
    machine = await start_machine(plugins=[Plugin(BytesDriver)])
    await run(machine, "create localhost<Space>; create localhost:b<Bytes>")
    client = machine.client()
    (await client.ping("localhost:b", "Ext<Put>", b"\x00\xff")).unwrap()
    assert await client.ask("localhost:b", "Cmd<Read>") == b"\x00\xff"
    await asyncio.sleep(20.0)  # it leaves memory, and is saved
    assert machine.parts.homes.at_home(Point.parse("localhost:b")) is None
    assert await client.ask("localhost:b", "Cmd<Read>") == b"\x00\xff"
    assert (await client.exec("get localhost:b"))[0].body == b"\x00\xff"


async def test_a_dump_that_raises_is_answered_and_saves_nothing(start_machine) -> None:
    machine = await start_machine(plugins=[Plugin(BytesDriver)])
    await run(machine, "create localhost<Space>; create localhost:b<Bytes>")
    client = machine.client()
    (await client.ping("localhost:b", "Ext<Put>", b"bad")).unwrap()
    for method in ("Cmd<Read>", "Ext<Save>"):
        reply = await client.ping("localhost:b", method)
        assert (reply.status, "the memory is torn" in reply.error) == (500, True)
    assert not await machine.registry.load_state(Point.parse("localhost:b"))


def test_a_class_that_dumps_has_to_load() -> None:
    with pytest.raises(HyperverseError, match="only one of dump and load"):
        type("Half", (Particle,), {"dump": lambda self: b""})
