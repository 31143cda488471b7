"""What one machine does to particles that live on another: they are deleted, and what others read from them changes."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Point, Registration, handler, hookimpl
from hyperverse_core.contracts.driver import DriverHost
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.kinds.kind import Kind

_SOON = 0.2


@attrs.define
class Plain(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx) -> int:
        """One more."""
        self.value += 1
        await ctx.save()
        return self.value


class Deletions:
    """The plugin of the Kind Plain, whose drivers note down for which particles they were called, and where."""

    def __init__(self, hangs: str = "") -> None:
        self.told: list[tuple[str, str]] = []
        self.hangs = hangs

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Plain."""
        plugin = self

        class PlainDriver(Driver):
            kind = KindDef("Plain", doc="counts")
            particle = Plain
            machine = ""

            async def start(self, host: DriverHost) -> None:
                self.machine = host.machine

            async def on_delete(self, point: Point) -> None:
                plugin.told.append((self.machine, point.name))
                if point.name == plugin.hangs:
                    await asyncio.Event().wait()

        register(PlainDriver)


async def two(start: StartMachine, config: Any, *plugins: object) -> tuple[Machine, Machine]:
    """Machines of one Hyperverse that know each other."""
    one = await start(config=attrs.evolve(config, name="one"), plugins=plugins)
    other = await start(config=attrs.evolve(config, name="other"), plugins=plugins)
    await asyncio.sleep(1.0)
    await one.client().exec("create localhost<Space>; create localhost:top<Base>")
    return one, other


async def made(machine: Machine, kind: str, count: int = 12) -> list[str]:
    """Names of particles in ``localhost:top`` that live somewhere."""
    names = [f"{kind.lower()}{number}" for number in range(count)]
    for name in names:
        await machine.client().exec(f"create localhost:top:{name}<{kind}>")
        (await machine.client().ping(f"localhost:top:{name}", "Cmd<Bounce>")).unwrap()
    return names


async def living_on(machine: Machine, names: list[str]) -> list[str]:
    """Those of the particles that a machine hosts."""
    found = []
    for name in names:
        reply = await machine.client().ping(f"localhost:top:{name}", "Cmd<Bounce>")
        if StarKey.parse(reply.star) in machine.parts.stars:
            found.append(name)
    return found


# -- deleting ----------------------------------------------------------------------------------------------


async def test_the_driver_of_each_machine_is_told_of_the_particles_that_lived_there(
    start_machine: StartMachine, machine_config: Any
) -> None:
    plugin = Deletions()
    one, other = await two(start_machine, machine_config, plugin)
    names = await made(one, "Plain")
    await one.client().exec("create localhost:top:never<Plain>")
    here = await living_on(one, names)
    assert 0 < len(here) < len(names)
    await one.client().exec("delete localhost:top")
    assert sorted(plugin.told) == sorted(("one", name) for name in here)
    await asyncio.sleep(_SOON)
    there = [name for name in names if name not in here]
    assert sorted(plugin.told) == sorted([("one", name) for name in here] + [("other", name) for name in there])
    for machine in (one, other):
        assert (await machine.client().ping(f"localhost:top:{names[0]}", "Ext<Add>")).status == 404


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "made-anew"])
async def test_the_driver_is_told_when_a_save_is_the_first_to_notice(
    start_machine: StartMachine, machine_config: Any, again: bool
) -> None:
    plugin = Deletions()
    machine = await start_machine(config=machine_config, plugins=[plugin])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:p<Plain>")
    assert await client.ask("localhost:p", "Ext<Add>") == 1
    point = Point.parse("localhost:p")
    await machine.registry.delete([point])
    if again:
        await machine.registry.register(Registration(point, Kind("Plain"), HYPERUSER))
    reply = await client.ping(point, "Ext<Add>")  # the feed has had no time
    assert reply.status == 503
    await asyncio.sleep(_SOON)
    assert plugin.told == [("test", "p")]
    if again:
        assert await client.ask(point, "Ext<Add>") == 1
        await client.exec("delete localhost:p")
        await asyncio.sleep(_SOON)
        assert plugin.told == [("test", "p")] * 2


async def test_a_particle_that_has_moved_is_told_of_once_where_it_lives(
    start_machine: StartMachine, machine_config: Any
) -> None:
    plugin = Deletions()
    one, other = await two(start_machine, machine_config, plugin)
    names = await made(one, "Plain")
    (await one.client().ping("GLOBAL::machine", "Ext<Drain>")).unwrap()
    await asyncio.sleep(1.0)
    assert await living_on(other, names) == names
    await one.client().exec("delete localhost:top")
    await asyncio.sleep(_SOON)
    assert sorted(plugin.told) == sorted(("other", name) for name in names)


async def test_a_driver_that_hangs_in_it_does_not_keep_others_from_hearing_of_changes(
    start_machine: StartMachine, machine_config: Any
) -> None:
    plugin = Deletions(hangs="p")
    machine = await start_machine(config=machine_config, plugins=[plugin])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:p<Plain>; create localhost:q<Plain>")
    for name in "pq":
        await client.ask(f"localhost:{name}", "Ext<Add>")
        await machine.registry.delete([Point.parse(f"localhost:{name}")])  # as another machine does
        await asyncio.sleep(_SOON)
    assert plugin.told == [("test", "p"), ("test", "q")]
    assert (await client.ping("localhost:q", "Ext<Add>")).status == 404


async def test_a_particle_that_is_replaced_is_not_deleted(start_machine: StartMachine, machine_config: Any) -> None:
    plugin = Deletions()
    machine = await start_machine(config=machine_config, plugins=[plugin])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:p<Plain>")
    await client.ask("localhost:p", "Ext<Add>")
    await client.exec("create! localhost:p<Plain>")
    assert await client.ask("localhost:p", "Ext<Add>") == 1
    await asyncio.sleep(_SOON)
    assert plugin.told == []


# -- binds -------------------------------------------------------------------------------------------------


def bind(method: str) -> dict[str, str]:
    """The body that makes a Page hand out a bind with one route."""
    return {"text": f"Bind(version=1.0.0) {{ Route<Ext<{method}>> -> (()) => &; }}"}


async def bound(start: StartMachine, config: Any) -> tuple[Machine, Machine, str, str]:
    """A Taker on one machine whose bind is handed out by a Page on another one: ``one, other, taker, page``."""
    one, other = await two(start, config)
    page = f"localhost:top:{(await living_on(other, await made(one, 'Page')))[0]}"
    (await one.client().ping(page, "Cmd<Update>", bind("Number"))).unwrap()
    takers = await living_on(one, await made(one, "Taker"))
    taker = f"localhost:top:{takers[0]}"
    await one.client().exec(f"set {taker}{{ +bind={page} }}")
    return one, other, taker, page


async def statuses(machine: Machine, taker: str) -> tuple[int, int]:
    """Of Ext<Number> and Ext<Other>, of which a bind lets one through."""
    await asyncio.sleep(_SOON)
    client = machine.client()
    return (await client.ping(taker, "Ext<Number>")).status, (await client.ping(taker, "Ext<Other>")).status


async def test_a_bind_is_read_again_when_its_source_on_another_machine_changes(
    start_machine: StartMachine, machine_config: Any
) -> None:
    one, other, taker, page = await bound(start_machine, machine_config)
    assert await statuses(one, taker) == (200, 404)
    for method, expected in (("Other", (404, 200)), ("Number", (200, 404)), ("Other", (404, 200))):
        (await other.client().ping(page, "Cmd<Update>", bind(method))).unwrap()
        assert await statuses(one, taker) == expected


async def test_a_source_that_was_idle_in_between_is_followed_all_the_same(
    start_machine: StartMachine, machine_config: Any
) -> None:
    one, other, taker, page = await bound(start_machine, attrs.evolve(machine_config, idle_after=5.0))
    assert await statuses(one, taker) == (200, 404)
    for method, expected in (("Other", (404, 200)), ("Number", (200, 404))):
        for _ in range(20):
            await asyncio.sleep(1.0)
            await one.client().ping(taker, "Ext<Number>")
        (await other.client().ping(page, "Cmd<Update>", bind(method))).unwrap()
        assert await statuses(one, taker) == expected


async def test_a_source_that_moves_is_followed(start_machine: StartMachine, machine_config: Any) -> None:
    one, other, taker, page = await bound(start_machine, machine_config)
    assert await statuses(other, taker) == (200, 404)
    (await other.client().ping("GLOBAL::machine", "Ext<Drain>")).unwrap()
    (await other.client().ping(page, "Cmd<Update>", bind("Other"))).unwrap()
    assert await statuses(one, taker) == (404, 200)
    (await other.client().ping(page, "Cmd<Update>", bind("Number"))).unwrap()
    assert await statuses(one, taker) == (200, 404)


async def test_only_states_from_which_a_bind_was_read_go_into_the_feed(
    start_machine: StartMachine, machine_config: Any
) -> None:
    one, other, taker, page = await bound(start_machine, machine_config)
    assert await statuses(one, taker) == (200, 404)

    async def written(point: str) -> int:
        before = await one.registry.revision()
        (await other.client().ping(point, "Cmd<Update>", bind("Number"))).unwrap()
        return await one.registry.revision() - before

    pages = [f"localhost:top:page{number}" for number in range(12)]
    assert [await written(point) for point in pages if point != page] == [0] * 11
    assert await written(page) == 1


# -- places ------------------------------------------------------------------------------------------------


async def test_a_particle_that_has_moved_is_found_before_the_feed_says_so(
    start_machine: StartMachine, machine_config: Any
) -> None:
    one, other = await two(start_machine, machine_config)
    point = f"localhost:top:{(await living_on(other, await made(one, 'Worker')))[0]}"
    assert await one.client().ask(point, "Ext<Add>") == 1
    await one.parts.feed.close()
    held = (await one.registry.record(Point.parse(point))).assignment
    assert held is not None
    to = next(key for key, home in other.parts.homes.items() if home.can_host("Worker") and key != held.star)
    (await other.client().ping("GLOBAL::machine", "Ext<Move>", {"point": point, "star": str(to)})).unwrap()
    reply = await one.client().ping(point, "Ext<Add>")
    assert (reply.status, reply.body, reply.star) == (200, 2, str(to))
