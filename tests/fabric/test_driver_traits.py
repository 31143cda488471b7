"""A driver says how its particles differ: handlers, class, concurrency, bind and limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from fabric.driver_world import ANY, Plain, Plugin, run
from hyperverse_core import Ctx, Driver, KindDef, Particle, ParticleRecord, Point, handler
from hyperverse_core.driver import HandlerSpec, Traits
from hyperverse_core.values import RouteSelector


class Many(Particle):
    concurrent = True

    async def answer(self, ctx: Ctx) -> str:
        return f"{ctx.wave.method}"

    async def wait(self, ctx: Ctx) -> None:
        await asyncio.sleep(1.0)


@pytest.fixture
def various() -> type[Driver]:
    """A driver whose particles differ in all that may differ, as their size says."""

    def on(method: str, *texts: str) -> tuple[tuple[str, HandlerSpec], ...]:
        return tuple((method, HandlerSpec(RouteSelector.parse(text))) for text in texts)

    class Various(Driver):
        kind = KindDef("Various", doc="is not all alike", properties=ANY)
        particle = Plain
        idle_after = 1000.0

        def traits(self, record: ParticleRecord) -> Traits | None:
            made: Mapping[str, Traits | None] = {
                "1": None,
                "2": Traits(particle=Many, handlers=on("answer", "Ext<A>", "Ext<B>"), idle_after=2.0),
                "3": Traits(particle=Many, handlers=on("wait", "Ext<Wait>"), concurrent=False, waves_limit=1),
                "4": Traits(particle=Many, handlers=on("wait", "Ext<Wait>")),
                "5": Traits(bind="Bind(version=1.0.0) { Route<Ext<Plus>> -> localhost:plain => &; }"),
            }
            if record.properties["size"].value not in made:
                raise RuntimeError("what is that")
            return made[record.properties["size"].value]

    return Various


async def test_handlers_concurrency_bind_and_limits_differ_from_particle_to_particle(start_machine, various) -> None:
    machine = await start_machine(plugins=[Plugin(various)])
    await run(machine, "create localhost<Space>; create localhost:plain<Various>")
    await run(machine, "; ".join(f"create localhost:v{n}<Various>{{ +size={n} }}" for n in (1, 2, 3, 4)))
    client = machine.client()
    loop = asyncio.get_running_loop()
    assert await client.ask("localhost:v1", "Ext<Add>") == 1
    assert [await client.ask("localhost:v2", f"Ext<{name}>") for name in "AB"] == ["Ext<A>", "Ext<B>"]
    refused = await client.ping("localhost:v2", "Ext<Add>")
    assert refused.status == 404
    begun = loop.time()
    replies = await asyncio.gather(*(client.ping("localhost:v3", "Ext<Wait>") for _ in range(3)))
    assert sorted(reply.status for reply in replies) == [200, 200, 503]  # one has the turn, one may wait
    assert loop.time() - begun == pytest.approx(2.0, abs=0.2)
    begun = loop.time()
    replies = await asyncio.gather(*(client.ping("localhost:v4", "Ext<Wait>") for _ in range(3)))
    assert [reply.status for reply in replies] == [200] * 3
    assert loop.time() - begun == pytest.approx(1.0, abs=0.2)
    homes = machine.parts.homes
    await asyncio.sleep(10.0)
    assert homes.at_home(Point.parse("localhost:v2")) is None
    assert homes.at_home(Point.parse("localhost:v1")) is not None


async def test_particles_with_equal_traits_share_what_is_made_from_them(start_machine, various) -> None:
    machine = await start_machine(plugins=[Plugin(various)])
    await run(machine, "create localhost<Space>")
    served = []
    for number, size in enumerate((1, 1, 2, 2)):
        point = f"localhost:v{number}"
        await run(machine, f"create {point}<Various>{{ +size={size} }}")
        await machine.client().ping(point, "Cmd<Bounce>")
        served.append(machine.parts.homes.at_home(Point.parse(point)).served)
    assert served[0] is served[1] is machine.parts.served["Various"]
    assert served[2] is served[3] is not served[0]


async def test_a_driver_that_cannot_say_its_traits_is_named(start_machine, various) -> None:
    machine = await start_machine(plugins=[Plugin(various)])
    await run(machine, "create localhost<Space>; create localhost:v<Various>{ +size=9 }")
    reply = await machine.client().ping("localhost:v", "Ext<Add>")
    assert (reply.status, "what is that" in reply.error, "'Various'" in reply.error) == (500, True, True)
    assert (await machine.registry.record(Point.parse("localhost:v"))).assignment is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"waves_limit": -1}, "`waves_limit` is -1: write a whole number of at least 1, or None"),
        ({"waves_limit": 0}, "`waves_limit` is 0"),
        ({"waves_limit": True}, "`waves_limit` is True"),
        ({"idle_after": 0.0}, "`idle_after` is 0.0: write a number of seconds above 0, or None"),
        ({"idle_after": float("nan")}, "`idle_after` is nan"),
        ({"idle_after": "10"}, "`idle_after` is '10'"),
    ],
)
async def test_traits_with_an_impossible_limit_are_refused(start_machine, various, wrong, told) -> None:
    class Wrong(various):
        def traits(self, record: ParticleRecord) -> Traits | None:
            return Traits(**wrong)

    machine = await start_machine(plugins=[Plugin(Wrong)])
    await run(machine, "create localhost<Space>; create localhost:v<Various>{ +size=1 }")
    reply = await machine.client().ping("localhost:v", "Ext<Add>")
    assert (reply.status, told in reply.error) == (500, True), reply.error


async def test_a_class_that_only_traits_name_is_checked_like_any_other(start_machine) -> None:
    class Careless(Particle):
        value: int = 0

        @handler("Ext<Get>")
        def get(self, ctx: Ctx) -> int:
            return self.value

    class CarelessDriver(Driver):
        kind = KindDef("Careless", doc="names a class that nobody has seen")
        particle = Plain

        def traits(self, record: ParticleRecord) -> Traits | None:
            return Traits(particle=Careless)

    machine = await start_machine(plugins=[Plugin(CarelessDriver)])
    await run(machine, "create localhost<Space>; create localhost:c<Careless>")
    reply = await machine.client().ping("localhost:c", "Ext<Get>")
    assert reply.status == 500
    assert "'value' would not be saved" in reply.error and "`def`" in reply.error
