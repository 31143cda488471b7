"""What a driver is asked about each particle, and when its particles hear that they end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from fabric.driver_world import Plugin, run
from hyperverse_core import (
    Ctx,
    Driver,
    DriverHost,
    KindDef,
    Particle,
    ParticleRecord,
    Point,
    Registration,
    handler,
)
from hyperverse_core.driver import HandlerSpec, Traits
from hyperverse_core.errors import BadRequest, HyperverseError, NotFound
from hyperverse_core.registry import PropertyValue
from hyperverse_core.values import Kind, PropertiesConfig, PropertyDef, RouteSelector

_SOON = 0.3
ANY = PropertiesConfig((PropertyDef("size", default="1"),))


@attrs.define
class Plain(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx) -> int:
        self.value += 1
        await ctx.save()
        return self.value


# -- check -------------------------------------------------------------------------------------------------


@pytest.fixture
def picky() -> type[Driver]:
    """A driver that refuses some sizes, and notes down what it is asked."""

    class Picky(Driver):
        kind = KindDef("Picky", doc="does not take everything", properties=ANY)
        particle = Plain
        asked: list[tuple[str, str, str]] = []

        async def check(
            self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]
        ) -> None:
            size = properties["size"].value
            self.asked.append((host.machine, str(point), size))
            if size == "0":
                raise BadRequest("size 0 is too small", hint="take 1")
            if size == "x":
                raise ValueError("no number")

    return Picky


async def test_what_a_check_raises_is_the_answer_of_create(start_machine, picky) -> None:
    machine = await start_machine(plugins=[Plugin(picky)])
    await run(machine, "create localhost<Space>")
    (refused,) = await machine.client().exec("create localhost:p<Picky>{ +size=0 }", check=False)
    assert (refused.status, refused.error) == (400, "size 0 is too small")
    assert refused.body["hint"] == "take 1"
    with pytest.raises(NotFound):
        await machine.registry.record(Point.parse("localhost:p"))
    await run(machine, "create localhost:p<Picky>")
    assert picky.asked == [("test", "localhost:p", "0"), ("test", "localhost:p", "1")]


async def test_a_check_that_fails_names_the_plugin(start_machine, picky, caplog) -> None:
    machine = await start_machine(plugins=[Plugin(picky)])
    await run(machine, "create localhost<Space>")
    (refused,) = await machine.client().exec("create localhost:p<Picky>{ +size=x }", check=False)
    assert refused.status == 500
    for part in ("'Picky'", machine.plugins.who_provides("driver", "Picky"), "ValueError: no number"):
        assert part in refused.error
    assert "check failed" in caplog.text


async def test_a_particle_that_stays_as_it_is_is_not_checked_again(start_machine, picky) -> None:
    machine = await start_machine(plugins=[Plugin(picky)])
    await run(machine, "create localhost<Space>; create localhost:p<Picky>; create? localhost:p<Picky>{ +size=0 }")
    (refused,) = await machine.client().exec("create localhost:p<Picky>{ +size=0 }", check=False)
    assert refused.status == 409
    assert len(picky.asked) == 1
    (refused,) = await machine.client().exec("create! localhost:p<Picky>{ +size=0 }", check=False)
    assert refused.status == 400  # it would be replaced
    record = await machine.registry.record(Point.parse("localhost:p"))
    assert record.properties["size"].value == "1"


async def test_a_numbered_particle_is_checked_under_its_number(start_machine, picky) -> None:
    machine = await start_machine(plugins=[Plugin(picky)])
    await run(machine, "create localhost<Space>; create localhost:p-%<Picky>")
    assert [point for _, point, _ in picky.asked] == ["localhost:p-1"]


async def test_who_may_not_create_is_refused_before_the_check(start_machine, picky) -> None:
    @attrs.define
    class Maker(Particle):
        @handler("Ext<Make>")
        async def make(self, ctx: Ctx) -> None:
            await ctx.create("elsewhere:p", "Picky")

    class MakerDriver(Driver):
        kind = KindDef("Maker", doc="makes others")
        particle = Maker

    machine = await start_machine(plugins=[Plugin(picky, MakerDriver)])
    await run(machine, "create localhost<Space>; create elsewhere<Space>; create localhost:m<Maker>")
    point = Point.parse("localhost:m")
    record = await machine.registry.record(point)
    await machine.registry.delete([point])
    await machine.registry.register(Registration(point, record.kind, point))
    assert (await machine.client().ping(point, "Ext<Make>")).status == 404
    assert picky.asked == []


async def test_nothing_is_created_while_a_driver_that_checks_has_not_started(start_machine, picky) -> None:
    class Late(picky):  # type: ignore[misc,valid-type]
        async def start(self, host: Any) -> None:
            raise OSError("not yet")

    machine = await start_machine(plugins=[Plugin(Late)])
    await run(machine, "create localhost<Space>")
    (refused,) = await machine.client().exec("create localhost:p<Picky>", check=False)
    assert (refused.status, "not yet" in refused.error) == (501, True)


# -- create ------------------------------------------------------------------------------------------------


async def test_the_factory_gets_the_record_and_may_wait(start_machine) -> None:
    class Sized(Driver):
        kind = KindDef("Sized", doc="begins with its size", properties=ANY)
        particle = Plain

        async def create(self, record: ParticleRecord) -> Particle:
            await asyncio.sleep(1.0)
            return Plain(int(record.properties["size"].value) * 10)

    machine = await start_machine(plugins=[Plugin(Sized)])
    await run(machine, "create localhost<Space>; create localhost:s<Sized>{ +size=7 }")
    assert await machine.client().ask("localhost:s", "Ext<Add>") == 71


async def test_what_the_factory_raises_is_answered_and_it_is_tried_again(start_machine) -> None:
    class Moody(Driver):
        kind = KindDef("Moody", doc="makes its particle at the third try")
        particle = Plain
        errors: list[Exception] = [BadRequest("no module"), RuntimeError("broken")]

        async def create(self, record: ParticleRecord) -> Particle:
            if self.errors:
                raise self.errors.pop(0)
            return Plain()

    machine = await start_machine(plugins=[Plugin(Moody)])
    await run(machine, "create localhost<Space>; create localhost:m<Moody>")
    client = machine.client()
    assert [(await client.ping("localhost:m", "Ext<Add>")).status for _ in range(3)] == [400, 500, 200]


async def test_a_factory_that_makes_something_else_is_named(start_machine) -> None:
    class Wrong(Driver):
        kind = KindDef("Wrong", doc="makes what it does not declare")
        particle = Plain

        async def create(self, record: ParticleRecord) -> Particle:
            return Particle()

    machine = await start_machine(plugins=[Plugin(Wrong)])
    await run(machine, "create localhost<Space>; create localhost:w<Wrong>")
    reply = await machine.client().ping("localhost:w", "Ext<Add>")
    assert (reply.status, "not a Plain" in reply.error) == (500, True)


def test_a_factory_of_the_old_form_is_named_with_the_new_one() -> None:
    with pytest.raises(HyperverseError, match="create is not a coroutine function") as caught:
        type("Old", (Driver,), {"create": lambda self, point, kind: Plain()})
    assert "async def create(self, record" in caught.value.hint


# -- traits ------------------------------------------------------------------------------------------------


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


# -- dump and load -----------------------------------------------------------------------------------------


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


# -- the driver's host -------------------------------------------------------------------------------------


@pytest.fixture
def caller() -> type[Driver]:
    class Caller(Driver):
        kind = KindDef("Caller", doc="has a particle that says who asks")
        host: Any = None

        async def start(self, host: DriverHost) -> None:
            type(self).host = host

    @attrs.define
    class Asked(Particle):
        @handler("Ext<Who>")
        async def who(self, ctx: Ctx) -> list[str]:
            return [str(ctx.agent), str(ctx.wave.sender)]

    Caller.particle = Asked
    return Caller


OWN = "<<STAR::machine:test[0]>>::star:drivers:caller"


async def test_a_driver_sends_as_its_own_particle_with_rights_on_what_it_owns_only(start_machine, caller) -> None:
    machine = await start_machine(plugins=[Plugin(caller)])
    await run(machine, "create localhost<Space>; create localhost:c<Caller>; create localhost:other<Caller>")
    host = caller.host
    assert (await host.ping("localhost:c", "Ext<Who>")).status == 404
    for command in ("delete localhost:c", "create localhost:mine<Caller>"):
        reply = await host.ping("GLOBAL::executor", "Cmd<RawCommand>", {"text": command})
        assert reply.body["results"][0]["status"] in (403, 404), reply.body
    mine = Registration(Point.parse("localhost:mine"), Kind("Caller"), Point.parse(OWN))
    await machine.registry.register(mine)
    assert (await host.ping("localhost:mine", "Ext<Who>")).body == [OWN, OWN]
    assert (await host.ping("localhost:other", "Ext<Who>")).status == 404
