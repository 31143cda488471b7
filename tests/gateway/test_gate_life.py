"""The gate over time: clients that go away and come back, what it leaves in files, how it opens and closes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway.talk import PROBE, ask, points, refused
from hyperverse_core import Client, Config, Machine, Outcome, Pong
from hyperverse_core.config import Control
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.errors import Unauthorized
from hyperverse_core.fabric.delivery.replay_cache import ReplayCache
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, HelloFrame
from hyperverse_core.universe.address.point import Point
from patience import PATIENCE, START, until

pytestmark = pytest.mark.one_case_in(2)

# -- going away --------------------------------------------------------------------------------------------

_CHILD = """
import asyncio, sys
from pathlib import Path
from hyperverse_core import Client

async def main():
    client = await Client.connect(Path(sys.argv[1]))
    pings = [asyncio.create_task(client.ping("localhost:probe", "Ext<Hold>", wait=60)) for _ in range(20)]
    while await client.ask("localhost:probe", "Ext<Runs>") < 20:
        await asyncio.sleep(0)
    print("ready", flush=True)
    await asyncio.gather(*pings)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_client_whose_process_is_killed_leaves_nothing_behind(
    machine: Machine, data_dir: Path, watch: Any, how: signal.Signals
) -> None:
    tasks = len(asyncio.all_tasks())
    before = points(machine)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, str(data_dir), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), START) == b"ready\n"
    assert len(machine.control) == 1 and points(machine) != before
    child.send_signal(how)
    await watch.until("down", "control-")
    assert len(machine.control) == 0 and points(machine) == before
    assert machine.parts.pool.waiting == 0
    if how is signal.SIGSTOP:
        child.kill()
    await child.wait()
    probe = machine.parts.places.known[PROBE]
    assert getattr(probe, "running", 0) == 0
    assert len(asyncio.all_tasks()) <= tasks + 64  # idle workers of the pool stay


async def test_handlers_of_a_client_that_leaves_are_cut(machine: Machine, data_dir: Path, watch: Any) -> None:
    async with Client.connect(data_dir) as client:
        pending = asyncio.create_task(client.ping(PROBE, "Ext<Hold>"))
        while await client.ask(PROBE, "Ext<Runs>") < 1:
            pass
    await watch.until("down", "control-")
    await machine.client().ping(PROBE, "Ext<Runs>")
    assert machine.parts.places.known[PROBE].running == 0  # type: ignore[attr-defined]
    assert (await pending).outcome is Outcome.UNKNOWN


_DEAF = """
import asyncio, sys, time
from pathlib import Path
from hyperverse_core import Client

async def main():
    client = await Client.connect(Path(sys.argv[1]))
    asks = [client.ping("localhost:probe", "Ext<Big>", {"size": 1_000_000}) for _ in range(400)]
    pings = [asyncio.create_task(ask) for ask in asks]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print("ready", flush=True)
    time.sleep(60)  # the event loop stands still: nothing is read

asyncio.run(main())
"""


async def test_a_client_that_does_not_read_is_sent_away_before_it_fills_the_memory(
    machine: Machine, data_dir: Path, watch: Any
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", _DEAF, str(data_dir))
    await watch.until("down", "control-")
    child.kill()
    await child.wait()
    assert ("delivered", "Ext<Big>") in watch.seen
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 1024  # of 400 MB
    assert len(machine.control) == 0
    assert (await machine.client().ping(PROBE, "Ext<Runs>")).ok


# -- coming back -------------------------------------------------------------------------------------------


async def test_a_reply_that_was_lost_is_given_again(machine: Machine, raw: Any) -> None:
    await raw.say_hello(machine)
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    first = await raw.hear()
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    second = await raw.hear()
    assert isinstance(second, Pong) and (first.body, second.body) == (1, 1)
    raw.send(encode_frame(ask(2, method="Ext<Run>", retries=1)))
    assert (await raw.hear()).body == 2


async def test_a_client_is_told_when_a_reply_that_was_lost_is_not_kept_any_more(machine: Machine, raw: Any) -> None:
    machine.control.replay_cache = ReplayCache(limit=0)
    await raw.say_hello(machine)
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    first = await raw.hear()
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    second = await raw.hear()
    assert (second.id, second.status, second.outcome) == (first.id, 503, Outcome.UNKNOWN)
    raw.send(encode_frame(ask(2, method="Ext<Runs>")))
    assert (await raw.hear()).body == 1


async def test_nobody_else_is_given_the_reply(machine: Machine, data_dir: Path, raw: Any) -> None:
    await raw.say_hello(machine)
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    await raw.hear()
    await machine.client().exec("create localhost:users<UserBase<OAuth>>; create localhost:users:ann<User>")
    ann = Point.parse("localhost:users:ann")
    await machine.registry.add_token(TokenRecord(token_digest("of-ann"), ann))
    await raw.transport.disconnect(raw.peer)
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL, "of-ann", "0")))
    await raw.hear()
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    assert (await raw.hear()).status == 404


# -- files -------------------------------------------------------------------------------------------------


async def test_secrets_are_for_the_owner_only_and_gone_when_the_machine_is(
    machine: Machine, data_dir: Path, caplog: Any
) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    note = data_dir / "machines" / "local" / "control.json"
    for file in (data_dir / "token", data_dir / "keys" / "stream" / "clients.key", note):
        assert mode(file) == 0o600, file
    for directory in (data_dir, data_dir / "keys", data_dir / "keys" / "stream", note.parent):
        assert mode(directory) == 0o700, directory
    said = json.loads(note.read_text())
    assert said["pid"] == os.getpid() and said["name"] == "local" and said["protocol"] == PROTOCOL
    assert said["address"] == machine.control.address and said["door_key"] == machine.control.server_key
    await machine.stop()
    assert not note.exists()


async def test_no_secret_gets_into_a_log_line(machine: Machine, data_dir: Path, caplog: Any) -> None:
    token = (data_dir / "token").read_text().strip()
    key = json.loads((data_dir / "keys" / "stream" / "clients.key").read_text())["secret"]
    with caplog.at_level(logging.DEBUG):
        async with Client.connect(data_dir) as client:
            await client.ping(PROBE, "Ext<Runs>")
        with pytest.raises(Unauthorized):
            await Client.connect(data_dir, token=token + "x")
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert token not in logged and key not in logged


async def test_the_token_stays_the_same_over_a_restart(start_machine: Any, data_dir: Path) -> None:
    first = await start_machine()
    token = (data_dir / "token").read_text()
    await first.stop()
    await start_machine()
    assert (data_dir / "token").read_text() == token
    async with Client.connect(data_dir) as client:
        assert (await client.status())["state"] == "Ready"


async def test_a_data_directory_with_a_long_name_works(start_machine: Any, config: Config, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    machine = await start_machine(attrs.evolve(config, data_dir=deep))
    assert len(machine.control.address.removeprefix("unix://")) <= 100
    async with Client.connect(deep) as client:
        assert (await client.status())["state"] == "Ready"


async def test_clients_may_come_over_tcp(start_machine: Any, config: Config, data_dir: Path) -> None:
    machine = await start_machine(attrs.evolve(config, control=Control(address="tcp://127.0.0.1:*")))
    assert machine.control.address.startswith("tcp://127.0.0.1:")
    async with Client.connect(data_dir) as client:
        assert (await client.status())["state"] == "Ready"


async def test_a_machine_that_stops_says_so_and_waits_for_what_is_under_way(
    machine: Machine, client: Client, events: dict[str, asyncio.Event]
) -> None:
    asked = asyncio.create_task(client.ping(PROBE, "Ext<Run>", {"gate": "go"}))
    while await client.ask(PROBE, "Ext<Runs>") < 1:
        pass
    stopping = asyncio.create_task(machine.stop())
    asyncio.get_running_loop().call_soon(events["go"].set)
    assert (await asked).body == 1
    await stopping
    pong = await client.ping(PROBE, "Ext<Runs>", wait=0.2)
    assert (pong.status, pong.outcome) == (503, Outcome.REJECTED)


async def test_a_gate_whose_tasks_end_as_it_closes_is_closed(machine: Machine) -> None:
    """Since Python 3.12 nothing else runs while done tasks are gathered."""

    async def nothing() -> None: ...

    machine.control.spawn(nothing())
    await asyncio.sleep(0)  # it is done, and what follows its end has not run yet
    await machine.control.close()


async def test_a_client_stops_the_machine(machine: Machine, client: Client) -> None:
    async def run() -> None:
        await machine.wait_stopped()
        await machine.stop()

    running = asyncio.create_task(run())
    await client.stop()
    await running
    assert str(machine.state) == "Done"


async def test_who_connects_and_says_nothing_is_sent_away(machine: Machine, raw: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("hyperverse_core.gateway.session._HELLO_SECONDS", 0.05)
    await raw.connect(machine)
    await refused(raw, 408)
    assert len(machine.control) == 0


async def test_waves_that_a_client_has_given_up_leave_room_for_others(
    machine: Machine, client: Client, config: Config
) -> None:
    most = config.limits.client_waves
    given_up = [asyncio.ensure_future(client.ping(PROBE, "Ext<Hold>", wait=600.0)) for _ in range(most)]
    await until(lambda: len(machine.control._sessions) == 1, "the client")
    (session,) = machine.control._sessions.values()
    await until(lambda: len(session.waves.running) == most, "all of its waves")
    for wave in given_up:
        wave.cancel()
    await asyncio.wait(given_up)
    reply = await asyncio.wait_for(client.ping(PROBE, "Ext<Who>", wait=600.0), PATIENCE)
    assert reply.status == 429, "the machine was asked, and still runs the others"
