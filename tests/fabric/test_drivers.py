"""Drivers start, fail, hang and stop; the machine says which and serves with the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from hyperverse_core import Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.errors import HyperverseError


class Plain(Particle):
    @handler("Ext<Hello>")
    async def hello(self, ctx: Any) -> str:
        return "hello"


class Plugin:
    """Brings some drivers."""

    def __init__(self, *drivers: type[Driver]) -> None:
        self.drivers = drivers

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        for driver in self.drivers:
            register(driver)


def row(machine: Any, kind: str) -> dict[str, Any]:
    return next(row for row in machine.status()["drivers"] if row["kind"] == kind)


async def test_a_driver_that_raises_is_shown_and_tried_again(start_machine, caplog) -> None:
    class Moody(Driver):
        kind = KindDef("Moody", doc="starts at the fourth try")
        particle = Plain
        tries: list[float] = []

        async def start(self, host: Any) -> None:
            self.tries.append(asyncio.get_running_loop().time())
            if len(self.tries) < 4:
                raise OSError("no database there")

    machine = await start_machine(plugins=[Plugin(Moody)])
    assert (row(machine, "Moody")["state"], row(machine, "Moody")["cause"]) == ("Panic", "OSError: no database there")
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:m<Moody>; create localhost:w<Worker>")
    refused = await client.ping("localhost:m", "Ext<Hello>")
    assert (refused.status, "Moody" in refused.error, "no database there" in refused.error) == (501, True, True)
    assert (await client.ping("localhost:w", "Ext<Get>")).ok  # the rest serves
    await asyncio.sleep(10)
    assert row(machine, "Moody")["state"] == "Ready"
    assert (await client.ping("localhost:m", "Ext<Hello>")).body == "hello"
    pauses = [later - sooner for sooner, later in zip(Moody.tries, Moody.tries[1:], strict=False)]
    assert pauses == sorted(pauses)  # with growing pauses
    assert "no database there" in caplog.text


async def test_a_driver_that_starts_late_is_announced_at_once(start_machine, machine_config) -> None:
    class Late(Driver):
        kind = KindDef("Late", doc="starts when it is told to")
        particle = Plain
        go = asyncio.Event()

        async def start(self, host: Any) -> None:
            await self.go.wait()

    machine = await start_machine(config=attrs.evolve(machine_config, lease=3600.0), plugins=[Plugin(Late)])

    async def announced() -> bool:
        return any("Late" in star.kinds for star in await machine.registry.stars())

    assert not await announced()
    Late.go.set()
    await asyncio.sleep(5)
    assert row(machine, "Late")["state"] == "Ready"
    assert await announced(), "the next renewal is in 12 minutes"


async def test_a_driver_that_hangs_is_named_and_the_rest_serves(start_machine) -> None:
    gate = asyncio.Event()

    class Stuck(Driver):
        kind = KindDef("Stuck", doc="does not come back")
        particle = Plain

        async def start(self, host: Any) -> None:
            await gate.wait()

    begun = asyncio.get_running_loop().time()
    machine = await start_machine(plugins=[Plugin(Stuck)])
    assert asyncio.get_running_loop().time() - begun < 6
    assert row(machine, "Stuck")["state"] == "Init"
    assert "has not returned after 5 s" in row(machine, "Stuck")["cause"]
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:s<Stuck>")
    assert (await client.ping("localhost:s", "Ext<Hello>")).status == 501
    assert (await client.ping("localhost", "Cmd<Bounce>")).ok
    gate.set()
    await asyncio.sleep(0.1)
    assert row(machine, "Stuck")["state"] == "Ready"
    assert (await client.ping("localhost:s", "Ext<Hello>")).ok


async def test_a_driver_that_cannot_be_made_is_shown_with_its_cause(start_machine, caplog) -> None:
    class Broken(Driver):
        kind = KindDef("Broken", doc="cannot be made")

        def __init__(self) -> None:
            raise RuntimeError("a bolt is missing")

    machine = await start_machine(plugins=[Plugin(Broken)])
    assert row(machine, "Broken") == {
        "kind": "Broken",
        "plugin": row(machine, "Broken")["plugin"],
        "state": "Fatal",
        "cause": "RuntimeError: a bolt is missing",
        "again": None,
    }
    await machine.client().exec("create localhost<Space>; create localhost:b<Broken>")
    reply = await machine.client().ping("localhost:b", "Ext<X>")
    assert (reply.status, "a bolt is missing" in reply.error) == (501, True)


async def test_a_handler_that_cannot_be_compiled_is_the_fault_of_its_plugin(start_machine) -> None:
    class Vague(Particle):
        @handler("Ext<X>")
        async def x(self, ctx: Any, *things: int) -> None: ...

    class VagueDriver(Driver):
        kind = KindDef("Vague", doc="takes anything")
        particle = Vague

    machine = await start_machine(plugins=[Plugin(VagueDriver)])
    [failed] = [info for info in machine.plugins.plugins if info.state == "failed"]
    assert "Vague" in failed.reason
    assert "*things" in failed.reason
    assert "Vague" not in machine.plugins.drivers


async def test_two_drivers_start_side_by_side_and_stop_once(start_machine) -> None:
    told: list[str] = []

    def made(name: str) -> type[Driver]:
        class Slow(Driver):
            kind = KindDef(name, doc="takes its time")
            particle = Plain

            async def start(self, host: Any) -> None:
                await asyncio.sleep(2)
                told.append(f"+{name} {host.machine} {sorted(host.settings)}")

            async def stop(self) -> None:
                told.append(f"-{name}")

        return Slow

    begun = asyncio.get_running_loop().time()
    machine = await start_machine(plugins=[Plugin(made("One"), made("Two"))])
    assert asyncio.get_running_loop().time() - begun == pytest.approx(2.0, abs=0.1)
    await machine.stop()
    await machine.stop()
    assert sorted(told) == ["+One test []", "+Two test []", "-One", "-Two"]


async def test_a_driver_may_send_waves(start_machine) -> None:
    class Caller(Driver):
        kind = KindDef("Caller", doc="asks the executor")
        particle = Plain
        answer: Any = None

        async def start(self, host: Any) -> None:
            Caller.answer = host

    machine = await start_machine(plugins=[Plugin(Caller)])
    assert (await Caller.answer.ping("ROOT", "Cmd<Bounce>")).ok
    assert any(kind.name == "Caller" for kind in Caller.answer.kinds())
    assert machine.data_dir.name in Caller.answer.data_dir


async def test_what_a_driver_raises_on_a_deletion_does_not_keep_it(start_machine, caplog) -> None:
    class Sorry(Driver):
        kind = KindDef("Sorry", doc="cannot let go")
        particle = Plain

        async def on_delete(self, point: Any) -> None:
            raise RuntimeError(f"how could you delete {point}")

    machine = await start_machine(plugins=[Plugin(Sorry)])
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:s<Sorry>; ping localhost:s Ext<Hello>")
    assert (await client.exec("delete localhost:s"))[0].ok
    assert "how could you delete localhost:s" in caplog.text
    assert (await client.ping("localhost:s", "Ext<Hello>")).status == 404


async def test_particles_of_a_kind_without_a_driver_answer_501_and_are_kept(start_machine, machine_registry) -> None:
    class Passing(Driver):
        kind = KindDef("Passing", doc="will be uninstalled")
        particle = Plain

    first = await start_machine(plugins=[Plugin(Passing)])
    await first.client().exec("create localhost<Space>; create localhost:p<Passing>")
    assert (await first.client().ping("localhost:p", "Ext<Hello>")).ok
    await first.stop()
    second = await start_machine()
    reply = await second.client().ping("localhost:p", "Ext<Hello>")
    assert (reply.status, "Passing" in reply.error) == (501, True)
    await second.stop()
    third = await start_machine(plugins=[Plugin(Passing)])
    assert (await third.client().ping("localhost:p", "Ext<Hello>")).ok


def test_a_driver_says_what_kind_it_serves() -> None:
    with pytest.raises(HyperverseError, match="kind is 'Counter'"):
        type("Wrong", (Driver,), {"kind": "Counter"})


async def test_a_driver_that_waits_is_started_when_somebody_wants_it(start_machine) -> None:
    class Late(Driver):
        kind = KindDef("Late", doc="starts when its cure is there")
        particle = Plain
        cured = False

        async def start(self, host: Any) -> None:
            if not self.cured:
                raise OSError("no cure")

    class Unmade(Driver):
        kind = KindDef("Unmade", doc="cannot be made")
        particle = Plain

        def __init__(self) -> None:
            raise OSError("no parts")

    machine = await start_machine(plugins=[Plugin(Late, Unmade)])
    await asyncio.sleep(60)  # its pauses are as long as they get
    client = machine.client()
    begun = asyncio.get_running_loop().time()
    failed = await client.ask("GLOBAL::machine", "Ext<StartDriver>", {"kind": "Late"})
    assert failed == {"state": "Panic", "cause": "OSError: no cure"}
    Late.cured = True
    asked = (client.ask("GLOBAL::machine", "Ext<StartDriver>", {"kind": "Late"}) for _ in range(2))
    assert await asyncio.gather(*asked) == [{"state": "Ready", "cause": ""}] * 2
    assert asyncio.get_running_loop().time() - begun < 1, "nobody has waited for the pause"
    await client.exec("create localhost<Space>; create localhost:l<Late>")
    assert await client.ask("localhost:l", "Ext<Hello>") == "hello"
    assert (await client.ask("GLOBAL::machine", "Ext<StartDriver>", {"kind": "Late"}))["state"] == "Ready"
    assert (await client.ping("GLOBAL::machine", "Ext<StartDriver>", {"kind": "Unmade"})).status == 409
    unknown = await client.ping("GLOBAL::machine", "Ext<StartDriver>", {"kind": "Lat"})
    assert (unknown.status, "Late" in unknown.error) == (404, True)
