"""A handler that swallows its cancellation keeps neither its particle nor whoever waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Outcome, Particle, Point, handler, hookimpl

_over = threading.Event()
"""The test is over: tasks that nobody else can end may end."""


async def _swallow() -> None:
    while not _over.is_set():
        try:
            await asyncio.sleep(0.2)
        except BaseException:  # noqa: S112 - that is what this is about
            continue


async def _gathered() -> None:
    await asyncio.gather(_swallow(), _swallow())


async def _task() -> None:
    await asyncio.create_task(_swallow())


async def _nested() -> None:
    await asyncio.gather(_gathered(), _task())


async def _again_and_again() -> None:
    while not _over.is_set():
        try:
            await asyncio.gather(asyncio.sleep(60), asyncio.sleep(60))
        except BaseException:  # noqa: S112 - that is what this is about
            continue


async def _group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_swallow())
        group.create_task(_swallow())


async def _group_in_a_task() -> None:
    await asyncio.create_task(_group())


async def _wait_for() -> None:
    await asyncio.wait_for(_swallow(), 60)


async def _time_out() -> None:
    async with asyncio.timeout(60):
        await _gathered()


_WAITS = {
    wait.__name__: wait
    for wait in (_gathered, _task, _nested, _again_and_again, _group, _group_in_a_task, _wait_for, _time_out)
}


@attrs.define
class Vee(Particle):
    n: int = 0
    log: list[str] = attrs.field(factory=list, metadata={"transient": True})

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, save: bool = False) -> int:
        self.n += 1
        if save:
            await ctx.save()
        return self.n

    @handler("Ext<Swallow>")
    async def swallow(self, ctx: Ctx) -> None:
        self.n += 100
        await _swallow()

    @handler("Ext<WaitsFor>")
    async def wait_for(self, ctx: Ctx, how: str) -> None:
        self.n += 100
        await _WAITS[how]()

    @handler("Ext<SpawnWaits>")
    async def spawn_waits(self, ctx: Ctx, how: str) -> None:
        ctx.spawn(_WAITS[how]())

    @handler("Ext<Gathers>")
    async def gather(self, ctx: Ctx) -> list[int]:
        async def one(number: int) -> int:
            await asyncio.sleep(number / 100)
            if number == 7:
                raise ValueError(number)
            return number

        found = await asyncio.gather(*(one(number) for number in range(10)), return_exceptions=True)
        return [number for number in found if isinstance(number, int)] + [await asyncio.create_task(one(1))]

    @handler("Ext<Through>")
    async def through(self, ctx: Ctx, to: str) -> None:
        try:
            await ctx.ping(to, "Ext<Swallow>")
        finally:
            self.log.append("cut")

    @handler("Ext<CleansUp>")
    async def clean(self, ctx: Ctx) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1.0)
            self.log.append("clean")

    @handler("Ext<OwnTimeouts>")
    async def own(self, ctx: Ctx) -> int:
        times = 0
        for _ in range(10):
            try:
                async with asyncio.timeout(1.0):
                    await asyncio.sleep(60)
            except TimeoutError:
                times += 1
        return times

    @handler("Ext<Spawn>")
    async def spawn(self, ctx: Ctx) -> None:
        ctx.spawn(_swallow())


@attrs.define
class Many(Vee):
    concurrent = True


class VeeDriver(Driver):
    kind = KindDef("Vee")
    particle = Vee


class ManyDriver(Driver):
    kind = KindDef("Many")
    particle = Many


class Plugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Both."""
        register(VeeDriver)
        register(ManyDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Plugin(),)


@pytest.fixture(autouse=True)
async def no_tasks_left(hyperverse_leaks: None) -> AsyncIterator[None]:
    _over.clear()
    yield
    _over.set()
    await asyncio.sleep(1.0)


@pytest.fixture
def machine_config(machine_config: Any) -> Any:
    return attrs.evolve(machine_config, idle_after=30.0)


async def _made(machine: Machine, kind: str = "Vee") -> None:
    for text in ("localhost<Space>", *(f"localhost:{name}<{kind}>" for name in "ab")):
        await machine.client().exec(f"create {text}")


def _troubles(machine: Machine) -> list[str]:
    return [trouble["what"] for trouble in machine.status()["troubles"]]


async def test_the_caller_is_answered_and_the_particle_begins_again_from_what_it_has_saved(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    await _made(machine)
    client = machine.client()
    assert await client.ask("localhost:a", "Ext<Add>", {"save": True}) == 1
    for _ in range(3):
        begun = asyncio.get_running_loop().time()
        reply = await client.ping("localhost:a", "Ext<Swallow>", wait=1.0)
        assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)
        assert asyncio.get_running_loop().time() - begun < 4.0
        assert await client.ask("localhost:a", "Ext<Add>", wait=1.0) == 2
    assert "swallow of localhost:a" in caplog.text
    assert _troubles(machine) == ["swallow of localhost:a (plugin Plugin)"]
    (trouble,) = machine.status()["troubles"]
    assert trouble["times"] == 3
    assert "did not end" in trouble["cause"]


async def test_one_that_waits_for_it_is_cut_off_as_always(machine: Machine) -> None:
    await _made(machine)
    client = machine.client()
    reply = await client.ping("localhost:a", "Ext<Through>", {"to": "localhost:b"}, wait=1.0)
    assert reply.status == 408
    assert _troubles(machine) == ["swallow of localhost:b (plugin Plugin)"]
    for name in "ab":
        assert await client.ask(f"localhost:{name}", "Ext<Add>", wait=1.0) == 1


async def test_waves_that_wait_behind_it_are_handled(machine: Machine) -> None:
    await _made(machine)
    client = machine.client()
    first = asyncio.create_task(client.ping("localhost:a", "Ext<Swallow>", wait=1.0))
    await asyncio.sleep(0)
    behind = [asyncio.create_task(client.ping("localhost:a", "Ext<Add>", wait=10.0)) for _ in range(3)]
    await asyncio.sleep(0)
    await client.signal("localhost:a", "Ext<Add>")
    assert (await first).status == 408
    assert [reply.body for reply in await asyncio.gather(*behind)] == [1, 2, 3]


async def test_a_handler_has_time_to_clean_up(machine: Machine) -> None:
    await _made(machine)
    client = machine.client()
    assert (await client.ping("localhost:a", "Ext<CleansUp>", wait=1.0)).status == 408
    assert _troubles(machine) == []


async def test_time_outs_of_its_own_are_no_cancellation(machine: Machine) -> None:
    await _made(machine)
    assert await machine.client().ask("localhost:a", "Ext<OwnTimeouts>", wait=30.0) == 10
    assert _troubles(machine) == []


async def test_a_ripple_ends_whatever_one_of_many_does(machine: Machine) -> None:
    await _made(machine)
    points = [Point.parse("localhost:a"), Point.parse("localhost:b")]
    echoes = await machine.client().ripple(points, "Ext<Swallow>", wait=1.0)
    assert [echo.status for echo in echoes] == [408, 408]
    await asyncio.sleep(3.0)
    assert await machine.client().ask("localhost:a", "Ext<Add>", wait=1.0) == 1


async def test_a_particle_leaves_whatever_its_work_does(machine: Machine) -> None:
    await _made(machine)
    client = machine.client()
    await client.ask("localhost:a", "Ext<Spawn>")
    await asyncio.sleep(0.5)
    assert await client.ask("localhost:a", "Ext<Add>") == 1
    await client.exec("delete localhost:a")
    await asyncio.sleep(10.0)
    assert any(what.startswith("work of localhost:a") for what in _troubles(machine))


async def test_a_handler_beside_others_is_given_up_alone(machine: Machine) -> None:
    await _made(machine, "Many")
    client = machine.client()
    reply = await client.ping("localhost:a", "Ext<Swallow>", wait=1.0)
    assert reply.status == 408
    assert (await client.ping("localhost:a", "Ext<Add>", wait=1.0)).ok


async def test_a_machine_stops_whatever_swallows(machine: Machine) -> None:
    await _made(machine)
    client = machine.client()
    held = asyncio.create_task(client.ping("localhost:a", "Ext<Swallow>", wait=600.0))
    await client.ask("localhost:b", "Ext<Spawn>")
    begun = asyncio.get_running_loop().time()
    await machine.stop()
    assert asyncio.get_running_loop().time() - begun < machine.config.stop_deadline + 5.0
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)


@pytest.mark.parametrize("how", _WAITS)
async def test_one_that_waits_for_tasks_that_do_not_end_is_given_up(machine: Machine, how: str) -> None:
    await _made(machine)
    client = machine.client()
    assert await client.ask("localhost:a", "Ext<Add>", {"save": True}) == 1
    for _ in range(2):
        begun = asyncio.get_running_loop().time()
        reply = await client.ping("localhost:a", "Ext<WaitsFor>", {"how": how}, wait=1.0)
        assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)
        assert asyncio.get_running_loop().time() - begun < 6.0
        assert await client.ask("localhost:a", "Ext<Add>", wait=1.0) == 2
    assert _troubles(machine) == ["wait_for of localhost:a (plugin Plugin)"]


@pytest.mark.parametrize("how", _WAITS)
async def test_work_that_waits_for_tasks_that_do_not_end_keeps_neither_particle_nor_machine(
    machine: Machine, how: str
) -> None:
    await _made(machine)
    client = machine.client()
    for name in "ab":
        await client.ask(f"localhost:{name}", "Ext<SpawnWaits>", {"how": how})
    await asyncio.sleep(0.5)
    (await client.exec("delete localhost:a"))[0].unwrap()
    await asyncio.sleep(10.0)
    if how != "_wait_for":  # it leaves what swallows to itself when it is cancelled once more
        assert any(what.startswith("work of localhost:a") for what in _troubles(machine))
    begun = asyncio.get_running_loop().time()
    await machine.stop()
    assert asyncio.get_running_loop().time() - begun < machine.config.stop_deadline + 5.0


async def test_tasks_that_end_are_waited_for_as_ever(machine: Machine) -> None:
    await _made(machine)
    assert await machine.client().ask("localhost:a", "Ext<Gathers>") == [0, 1, 2, 3, 4, 5, 6, 8, 9, 1]
