"""The fixtures of the pytest plugin, used as a plugin's author would use them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hyperverse_core import HyperverseError, Machine, Point
from hyperverse_core.client.api import ClientApi
from hyperverse_core.errors import NotFound, TimedOut
from hyperverse_core.testing import Constellation, LeakCheck, ManualClock
from hyperverse_core.testing.fixtures import StartMachine


async def test_a_machine_is_ready_when_the_test_begins(machine: Machine, tmp_path: Path) -> None:
    assert machine.status()["state"] == "Ready"
    assert machine.data_dir.is_relative_to(tmp_path)


async def test_the_client_has_the_hyperusers_rights(client: ClientApi) -> None:
    for result in await client.exec("create localhost<Space>"):
        assert result.ok, result.error
    assert (await client.ping("localhost", "Cmd<Bounce>")).ok


async def test_particles_of_a_constellation_talk_to_one_another(constellation: Constellation) -> None:
    echo, other = await constellation("echo", "other")
    assert await echo.ping(other.point, "Ext<Hello>", {"from": "echo"}) == {"from": "echo"}


async def test_a_constellation_takes_particles_of_any_kind(constellation: Constellation) -> None:
    echo, base = await constellation("echo", "things<Base>")
    with pytest.raises(NotFound, match="takes none"):
        await echo.ping(base.point, "Ext<Hello>")


async def test_a_handle_sends_as_its_particle(constellation: Constellation) -> None:
    echo, other = await constellation("echo", "other")
    await echo.machine.registry.chown([other.point], Point.parse("localhost:somebody"))
    with pytest.raises(HyperverseError, match="'localhost:echo' may not execute 'localhost:other'"):
        await echo.ping(other.point, "Ext<Hello>")


async def test_a_ping_nobody_answers_times_out(clock: ManualClock, constellation: Constellation) -> None:
    with clock.autojump():
        echo, mute = await constellation("echo", "mute")
        with pytest.raises(TimedOut, match="after 2 s"):
            await echo.ping(mute.point, "Ext<Hello>")


async def test_time_stands_still_until_the_test_lets_it_move(clock: ManualClock) -> None:
    woken = asyncio.get_running_loop().create_task(asyncio.sleep(3600))
    await clock.advance(3599)
    assert not woken.done()
    await clock.advance(1)
    await woken
    assert clock.now == 3600


async def test_machines_of_one_test_may_share_a_registry(start_machine: StartMachine) -> None:
    first = await start_machine()
    await first.client().exec("create localhost<Space>")
    await first.stop()
    second = await start_machine()
    assert (await second.client().ping("localhost", "Cmd<Bounce>")).ok


async def test_a_task_that_goes_on_is_a_leak() -> None:
    check = LeakCheck.begin()
    task = asyncio.create_task(asyncio.Event().wait(), name="the one that goes on")
    assert any("the one that goes on" in line for line in await check.leaks())
    task.cancel()
    assert await check.leaks() == []


async def test_a_socket_that_stays_open_is_a_leak() -> None:
    check = LeakCheck.begin()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    assert any(line.startswith("socket") for line in await check.leaks())
    server.close()
    await server.wait_closed()
    assert await check.leaks() == []
