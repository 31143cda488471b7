"""A client whose connection, or whose machine, is lost."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway.conftest import ProbePlugin
from hyperverse_core import Client, Config, Machine, NoMachine, Outcome
from hyperverse_core.data_dir.tokens import owner_token
from hyperverse_core.testing.faulty_lane import FaultyHub
from patience import PATIENCE, START

PROBE = "localhost:probe"
SETUP = "create? localhost<Space>; create? localhost:probe<Probe>"


@pytest.fixture
async def hub() -> FaultyHub:
    """A network whose wires a test can cut."""
    return FaultyHub(random.Random(7), notice=0.05)


@pytest.fixture
async def machine(start_machine: Any, hub: FaultyHub) -> Machine:
    machine = await start_machine(transport=hub.transport("local"))
    await machine.client().exec(SETUP)
    return machine


@pytest.fixture
async def client(machine: Machine, data_dir: Path, hub: FaultyHub) -> Any:
    transport = hub.transport("client")
    async with Client.connect(data_dir, transport=transport) as client:
        yield client
    await transport.close()


async def test_pending_pings_end_unknown_and_the_client_comes_back(client: Client, hub: FaultyHub) -> None:
    before = client.surface
    pending = asyncio.create_task(client.ping(PROBE, "Ext<Hold>"))
    await client.ping(PROBE, "Ext<Runs>")
    hub.disconnect("local", "client")
    lost = await pending
    assert (lost.status, lost.outcome, lost.attempts) == (503, Outcome.UNKNOWN, 1)
    assert (await client.ping(PROBE, "Ext<Runs>")).ok
    assert client.surface != before


async def test_a_watch_goes_on_and_says_that_something_may_have_been_missed(
    machine: Machine, client: Client, hub: FaultyHub
) -> None:
    async with client.watch(PROBE, "State", "Child") as watch:
        changes = aiter(watch)
        before = client.surface
        hub.disconnect("local", "client")
        async with asyncio.timeout(PATIENCE):
            assert (missed := await anext(changes)).missed, missed
            assert client.surface != before
            await machine.client().create(f"{PROBE}:child", "Base")
            assert (await anext(changes)).point.text == f"{PROBE}:child"


async def test_a_ripple_whose_connection_is_lost_is_unknown_for_each_recipient(client: Client, hub: FaultyHub) -> None:
    asked = asyncio.create_task(client.ripple([PROBE], "Ext<Hold>"))
    await client.ping(PROBE, "Ext<Runs>")
    hub.disconnect("local", "client")
    assert [(echo.sender.text, echo.status, echo.outcome) for echo in await asked] == [(PROBE, 503, Outcome.UNKNOWN)]


async def test_a_ping_waits_for_a_machine_that_comes_back(
    machine: Machine, client: Client, hub: FaultyHub, start_machine: Any
) -> None:
    await machine.stop()
    waiting = asyncio.create_task(client.ping(PROBE, "Ext<Runs>", wait=PATIENCE))
    await start_machine(transport=hub.transport("local"))
    assert (await waiting).ok


async def test_a_ping_that_nobody_takes_in_time_surely_did_not_run(machine: Machine, client: Client) -> None:
    await machine.stop()
    pong = await client.ping(PROBE, "Ext<Runs>", wait=0.1)
    assert (pong.status, pong.outcome) == (503, Outcome.REJECTED)


async def test_a_ping_that_may_be_repeated_runs_once_although_the_connection_is_lost(
    client: Client, hub: FaultyHub, events: dict[str, asyncio.Event], watch: Any
) -> None:
    asked = asyncio.create_task(client.ping(PROBE, "Ext<Run>", {"gate": "go"}, retries=2))
    while await client.ask(PROBE, "Ext<Runs>") < 1:
        pass
    hub.disconnect("local", "client")
    await watch.until("up", "control-", times=2)
    events["go"].set()
    pong = await asked
    assert (pong.status, pong.body, pong.attempts) == (200, 1, 2)
    assert await client.ask(PROBE, "Ext<Runs>") == 1


async def test_waves_that_wait_for_the_connection_keep_their_order(
    machine: Machine, client: Client, hub: FaultyHub
) -> None:
    hub.disconnect("local", "client")
    pings = [asyncio.create_task(client.ping(PROBE, "Ext<Run>")) for _ in range(100)]
    replies = [await ping for ping in pings]
    assert [reply.body for reply in replies if reply.ok] == list(range(1, 101))


async def test_a_client_goes_to_another_machine_of_the_data_directory(
    machine: Machine, client: Client, hub: FaultyHub, start_machine: Any, config: Config
) -> None:
    await start_machine(attrs.evolve(config, name="other"), transport=hub.transport("other"))
    assert client.machine == "local"
    machine.parts.transport.crash()  # type: ignore[attr-defined]  # as when its process is killed
    pong = await client.ping("GLOBAL::executor", "Cmd<Bounce>", wait=PATIENCE, retries=1)
    assert pong.ok and client.machine == "other"


async def test_a_token_that_is_revoked_ends_the_client_for_good(
    machine: Machine, client: Client, hub: FaultyHub
) -> None:
    for token in await machine.registry.tokens():
        await machine.registry.revoke_token(token.digest)
    hub.disconnect("local", "client")
    await client.ping(PROBE, "Ext<Runs>")  # may still have been put on the lost connection
    pong = await client.ping(PROBE, "Ext<Runs>", wait=PATIENCE)
    assert (pong.status, pong.outcome) == (401, Outcome.REJECTED)
    assert (await client.ping(PROBE, "Ext<Runs>")).status == 401


_MACHINE = """
import asyncio, sys
from pathlib import Path
from hyperverse_core import Config, Machine

async def main():
    async with Machine(Config(data_dir=Path(sys.argv[1]))) as machine:
        print("ready", flush=True)
        await machine.wait_stopped()

asyncio.run(main())
"""


async def _machine_process(data_dir: Path) -> asyncio.subprocess.Process:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MACHINE, str(data_dir), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), START) == b"ready\n"
    return child


async def test_a_client_survives_the_death_of_the_machines_process(data_dir: Path) -> None:
    first = await _machine_process(data_dir)
    async with Client.connect(data_dir) as client:
        await client.exec("create localhost<Space>")
        first.kill()
        await first.wait()
        second = await _machine_process(data_dir)
        assert (await client.ping("localhost", "Cmd<Bounce>", wait=PATIENCE, retries=3)).ok
        assert (await client.status())["pid"] == second.pid
        await client.stop()
        assert await asyncio.wait_for(second.wait(), PATIENCE) == 0
        with pytest.raises(NoMachine):
            await Client.connect(data_dir)


async def test_a_client_that_is_sent_away_in_the_middle_of_handshakes_comes_back(
    data_dir: Path, config: Config, watch: Any
) -> None:
    """A machine that is full, or is stopping, closes connections whose handshake has begun."""
    async with Machine(config, plugins=[ProbePlugin(watch)]) as machine:
        await machine.client().exec(SETUP)
        address, key = machine.control.address, machine.control.server_key
        client = await Client.connect(address=address, server_key=key, token=owner_token(data_dir), timeout=PATIENCE)
        assert (await client.ping(PROBE, "Ext<Runs>")).ok
    sent_away = asyncio.Queue[None]()

    async def send_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.close()
        sent_away.put_nowait(None)

    async with await asyncio.start_unix_server(send_away, _free_path(address)):
        async with asyncio.timeout(PATIENCE):
            for _ in range(3):
                await sent_away.get()
        pong = await client.ping(PROBE, "Ext<Runs>", wait=0.1)
        assert (pong.status, pong.outcome) == (503, Outcome.REJECTED)
        while not sent_away.empty():
            sent_away.get_nowait()
        await asyncio.wait_for(sent_away.get(), PATIENCE)  # it pauses now: asyncio forgets what comes in as it closes
    _free_path(address)
    async with Machine(config, plugins=[ProbePlugin(watch)]):
        assert (await client.ping(PROBE, "Ext<Runs>", wait=PATIENCE)).ok
        await client.close()


def _free_path(address: str) -> Path:
    path = Path(address.removeprefix("unix://"))
    path.unlink(missing_ok=True)
    return path
