"""A machine starts whole or not at all, and stops in order and in time."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from hyperverse_core import Config, Driver, KindDef, Machine, Outcome, hookimpl
from hyperverse_core.config import Plugins
from hyperverse_core.errors import Conflict, HyperverseError, Unavailable
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing import MemoryRegistry


async def test_a_machine_that_is_ready_says_so(machine: Machine) -> None:
    status = machine.status()
    assert (status["machine"], status["state"], status["serves"], status["cause"]) == ("test", "Ready", True, "")
    assert {row["kind"] for row in status["stars"]} == {
        "Central",
        "Super",
        "Nexus",
        "Maelstrom",
        "Scribe",
        "Jump",
        "Fold",
        "Machine",
    }
    assert {row["state"] for row in status["drivers"]} == {"Ready"}


async def test_a_second_machine_of_a_name_on_a_data_directory_is_refused(start_machine) -> None:
    await start_machine()
    with pytest.raises(Conflict, match=r"already runs on"):
        await start_machine(registry=MemoryRegistry())


async def test_a_machine_that_has_stopped_leaves_its_place_to_the_next(start_machine) -> None:
    first = await start_machine()
    await first.client().exec("create localhost<Space>; create localhost:a<Worker>; ping localhost:a Ext<Add>")
    await first.stop()
    second = await start_machine()
    assert await second.client().ask("localhost:a", "Ext<Add>") == 2


async def test_stopping_waits_for_what_is_under_way_and_saves_it(start_machine) -> None:
    machine = await start_machine()
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:a<Worker>; create localhost:b<Worker>")
    await client.ask("localhost:b", "Ext<Work>", {"tag": "unsaved"})
    busy = asyncio.ensure_future(client.ping("localhost:a", "Ext<Spoil>", {"by": 7, "seconds": 3.0}))
    await asyncio.sleep(0.1)
    begun = asyncio.get_running_loop().time()
    await machine.stop()
    assert 2.5 < asyncio.get_running_loop().time() - begun < 4
    assert ((await busy).status, (await busy).body) == (200, 7)
    again = (await start_machine()).client()
    assert await again.ask("localhost:a", "Ext<Get>") == 7
    assert await again.ask("localhost:b", "Ext<Book>") == ["unsaved"]


async def test_stopping_cuts_what_does_not_end(start_machine, machine_config: Config) -> None:
    machine = await start_machine(config=attrs.evolve(machine_config, stop_deadline=4.0))
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:a<Worker>; ping localhost:a Ext<Add>")
    busy = asyncio.ensure_future(client.ping("localhost:a", "Ext<Spoil>", {"by": 7, "seconds": 300.0}, wait=600.0))
    await asyncio.sleep(0.1)
    begun = asyncio.get_running_loop().time()
    await machine.stop()
    assert asyncio.get_running_loop().time() - begun < 5
    assert (await busy).status == 503
    assert await (await start_machine()).client().ask("localhost:a", "Ext<Get>") == 1


async def test_stopping_ends_particles_with_work_of_their_own(start_machine) -> None:
    machine = await start_machine()
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:l<Lively>; ping localhost:l Ext<Get>")
    begun = asyncio.get_running_loop().time()
    await machine.stop()
    assert asyncio.get_running_loop().time() - begun < 1
    assert await (await start_machine()).client().ask("localhost:l", "Ext<Get>") == [1000, 2]


async def test_a_driver_that_does_not_stop_is_left_behind(start_machine, machine_config: Config) -> None:
    class Clinging(Driver):
        kind = KindDef("Clinging", doc="does not stop")

        async def stop(self) -> None:
            await asyncio.get_running_loop().create_future()

    class Plugin:
        @hookimpl
        def hyperverse_register_drivers(self, register) -> None:
            register(Clinging)

    machine = await start_machine(plugins=[Plugin()], config=attrs.evolve(machine_config, stop_deadline=5.0))
    begun = asyncio.get_running_loop().time()
    await machine.stop()
    assert asyncio.get_running_loop().time() - begun < 6


async def test_a_stopped_machine_takes_no_waves(start_machine) -> None:
    machine = await start_machine()
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:a<Worker>; ping localhost:a Ext<Add>")
    await machine.stop()
    reply = await client.ping("localhost:a", "Ext<Add>", wait=2.0)
    assert (reply.status, reply.outcome) == (503, Outcome.REJECTED)
    assert machine.status()["state"] == "Done"


async def test_somebody_may_ask_the_machine_to_stop(machine: Machine) -> None:
    waiting = asyncio.ensure_future(machine.wait_stopped())
    await machine.client().stop()
    await waiting


async def test_a_machine_without_any_driver_does_not_start(machine_config: Config) -> None:
    config = attrs.evolve(machine_config, plugins=Plugins(disable=("base",)))
    machine = Machine(config, registry=MemoryRegistry(), transport=LocalTransport())
    with pytest.raises(HyperverseError, match="base"):
        await machine.start()
    assert machine.status()["state"] == "Fatal"


async def test_a_start_that_fails_leaves_nothing_behind(start_machine, machine_config: Config) -> None:
    class Full(MemoryRegistry):
        async def announce(self, star):
            raise Unavailable("the disk is full")

    with pytest.raises(Unavailable, match="the disk is full"):
        await start_machine(registry=Full())
    await start_machine()


async def test_a_plugin_that_fails_at_the_edges_is_named_and_the_machine_goes_on(start_machine, caplog) -> None:
    class Edgy:
        @hookimpl
        async def hyperverse_machine_started(self, machine) -> None:
            raise RuntimeError("not at dawn")

        @hookimpl
        async def hyperverse_machine_stopping(self, machine) -> None:
            raise RuntimeError("not at dusk")

    machine = await start_machine(plugins=[Edgy()])
    assert machine.status()["state"] == "Ready"
    await machine.stop()
    assert "not at dawn" in caplog.text
    assert "not at dusk" in caplog.text


async def test_the_hook_at_the_end_still_finds_a_machine_that_serves(start_machine) -> None:
    answers: list[int] = []

    class Farewell:
        @hookimpl
        async def hyperverse_machine_stopping(self, machine) -> None:
            answers.append((await machine.client().ping("ROOT", "Cmd<Bounce>")).status)

    machine = await start_machine(plugins=[Farewell()])
    await machine.stop()
    assert answers == [200]
