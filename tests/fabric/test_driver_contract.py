"""What a driver is asked about a particle that is created and made, and as whom it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from fabric.driver_world import ANY, Plain, Plugin, run
from hyperverse_core import Ctx, Driver, DriverHost, KindDef, Particle, ParticleRecord, Point, Registration, handler
from hyperverse_core.errors import BadRequest, HyperverseError, NotFound
from hyperverse_core.registry import PropertyValue
from hyperverse_core.values import Kind


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
