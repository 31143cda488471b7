"""What a particle does without a wave, or after one, stands on a whole wave: no field of it is lost."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import attrs
import pytest

from fabric.kinds import FabricKinds
from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.universe.waves.origin import Origin
from hyperverse_core.universe.waves.wave import Directed

_SEEN: list[Directed] = []
_AWAITED = {"deadline", "chain"}
"""The fields of a wave that say who waits for it, and how long."""


@attrs.define
class Keen(Particle):
    """Notes the waves that it begins and ends with, and pings from a task of its own."""

    async def on_start(self, ctx: Ctx) -> None:
        _SEEN.append(ctx.wave)

    async def on_stop(self, ctx: Ctx) -> None:
        _SEEN.append(ctx.wave)

    @handler("Ext<Begin>")
    async def begin(self, ctx: Ctx) -> None:
        _SEEN.append(ctx.wave)
        ctx.spawn(self._later(ctx))

    async def _later(self, ctx: Ctx) -> None:
        await asyncio.sleep(1)
        await ctx.ping("localhost:b", "Ext<Bump>")


class KeenDriver(Driver):
    kind = KindDef("Keen", doc="Notes its waves (for tests)")
    particle = Keen


class KeenKinds:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(KeenDriver)


@pytest.fixture
def machine_plugins() -> tuple[object, ...]:
    _SEEN.clear()
    return (FabricKinds(), KeenKinds())


async def test_what_a_particle_does_on_its_own_account_has_an_id_and_an_origin(machine: Machine, world) -> None:
    await world("k<Keen>")
    client = machine.client()
    await client.ask("localhost:k", "Ext<Begin>")
    await client.exec("delete localhost:k")
    started, _, stopped = _SEEN
    for wave in (started, stopped):
        assert (wave.to.text, wave.sender.text, wave.agent.text) == ("localhost:k",) * 3
        assert wave.id
        assert wave.origin in {star.text for star in machine.parts.stars.values()}
        assert wave.deadline == math.inf
    assert started.id != stopped.id


async def test_a_task_keeps_every_field_of_the_wave_that_it_was_begun_in(
    machine: Machine, world, monkeypatch: pytest.MonkeyPatch
) -> None:
    within: list[Directed] = []
    make = Origin.wave

    def noting(self: Origin, kind: Any, to: Any, method: Any, *args: Any, **options: Any) -> Any:
        if str(method) == "Ext<Bump>":
            within.append(args[2])
        return make(self, kind, to, method, *args, **options)

    await world("k<Keen>", "b<Relay>")
    monkeypatch.setattr(Origin, "wave", noting)
    await machine.client().ask(
        "localhost:k", "Ext<Begin>", headers={"traceparent": "x"}, topic="talk", path="/here", priority=1
    )
    await asyncio.sleep(2)
    begun, (kept,) = _SEEN[1], within
    fields = set(Directed.__struct_fields__) - _AWAITED
    assert {name: getattr(kept, name) for name in fields} == {name: getattr(begun, name) for name in fields}
    assert begun.topic == "talk"
    assert (kept.deadline, kept.chain) == (math.inf, ())
