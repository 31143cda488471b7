"""A driver that uses all that the contract offers passes the kit."""

from __future__ import annotations

from collections.abc import Mapping

from hyperverse_core import Ctx, Driver, DriverHost, KindDef, Particle, ParticleRecord, Point
from hyperverse_core.driver import HandlerSpec, Traits
from hyperverse_core.errors import BadRequest
from hyperverse_core.registry import PropertyValue
from hyperverse_core.testing import DriverConformance, DriverHarness
from hyperverse_core.values import Kind, PropertiesConfig, PropertyDef, RouteSelector


class Memory(Particle):
    """Keeps bytes, as a program does that the platform knows nothing about."""

    def __init__(self, size: int) -> None:
        self.memory = bytearray(size)

    def dump(self) -> bytes:
        return bytes(self.memory)

    def load(self, saved: object) -> None:
        assert isinstance(saved, bytes)
        self.memory[:] = saved

    async def call(self, ctx: Ctx, at: int = 0) -> int:
        self.memory[at] += 1
        await ctx.save()
        return self.memory[at]


class TestMemory(DriverConformance):
    changes = (("Ext<Poke>", {"at": 1}), ("Ext<Touch>", None))
    reads = (("Cmd<Read>", None),)
    properties = {"size": "4", "exports": "Poke-Touch"}
    refused = ({"size": "none"}, {"size": "-1"})

    class driver(Driver):
        kind = KindDef(
            "Memory",
            doc="Bytes behind handlers that its properties name",
            properties=PropertiesConfig((PropertyDef("size"), PropertyDef("exports", default="Poke"))),
        )
        particle = Memory
        idle_after = 3600.0  # the kit does not wait for that

        async def check(
            self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]
        ) -> None:
            if not properties["size"].value.isdecimal():
                raise BadRequest(f"size {properties['size'].value!r} is not a whole number")

        async def create(self, record: ParticleRecord) -> Particle:
            return Memory(int(record.properties["size"].value))

        def traits(self, record: ParticleRecord) -> Traits:
            names = record.properties["exports"].value.split("-")
            return Traits(
                handlers=tuple(("call", HandlerSpec(RouteSelector.parse(f"Ext<{name}>"))) for name in names),
                waves_limit=100,
                idle_after=7200.0,
            )

        def prepared(self) -> tuple[str, ...]:
            return ("memory-module",)

    async def test_one_that_has_left_memory_is_not_waited_for(self, harness: DriverHarness) -> None:
        point = await harness.new()
        await harness.passivate(point)
        begun = list(harness.lives.begun)
        await harness.passivate(point)
        assert harness.lives.begun == begun
