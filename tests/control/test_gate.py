"""The gate, faced with clients that do not behave."""

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
import msgspec
import pytest

from hyperverse_core import Client, Config, Machine, Outcome, Pong
from hyperverse_core.config import Control
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.data_dir.tokens import digest, read_token
from hyperverse_core.errors import TooLarge, Unauthorized
from hyperverse_core.fabric.wire import PROTOCOL, encode_frame, encode_ping
from hyperverse_core.fabric.wire_frames import AskFrame, AskManyFrame, KnockFrame, RefusalFrame
from hyperverse_core.universe.point import Point
from hyperverse_core.universe.wave import Method, Ping, Priority

PROBE = "localhost:probe"


def ask(number: int = 1, **changes: Any) -> AskFrame:
    """A frame as a client sends it."""
    fields: dict[str, Any] = {
        "id": f"c-test-{number}",
        "to": PROBE,
        "method": "Ext<Who>",
        "body": None,
        "path": "/",
        "headers": None,
        "wait": 5_000_000_000,
        "retries": 0,
        "priority": Priority.MED,
        "topic": "",
    }
    return AskFrame(**{**fields, **changes})


async def refused(raw: Any, status: int) -> RefusalFrame:
    """What the machine says when it ends the connection."""
    said = await raw.hear()
    assert isinstance(said, RefusalFrame), said
    assert said.status == status
    assert await raw.hear() is None
    return said


async def still_serves(data_dir: Path) -> None:
    async with Client.connect(data_dir) as client:
        assert (await client.ping(PROBE, "Ext<Runs>")).ok


# -- who may come in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_without_a_known_token_there_is_a_401(raw: Any, machine: Machine, token: str, caplog: Any) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(KnockFrame(PROTOCOL, token, "0")))
    await refused(raw, 401)
    assert not any(live.startswith(f"{machine.machine_star.point}:controls") for live in points(machine))


def points(machine: Machine) -> list[str]:
    """What lives in the machine's star."""
    return [str(live.point) for live in machine.machine_star.hosting.live.values()]


async def test_no_wave_comes_in_before_the_greet(raw: Any, machine: Machine, data_dir: Path) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(ask()))
    said = await refused(raw, 502)
    assert "knock" in said.error
    await still_serves(data_dir)


async def test_a_wave_right_behind_the_knock_is_too_early(raw: Any, machine: Machine) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(KnockFrame(PROTOCOL, read_token(machine.data_dir, {}), "0")))
    raw.send(encode_frame(ask()))
    await refused(raw, 502)


async def test_a_client_of_another_protocol_is_told_so(raw: Any, machine: Machine) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(KnockFrame(PROTOCOL + 1, "x", "0")))
    said = await refused(raw, 502)
    assert "protocol 2, this machine 1" in said.error and said.hint


async def test_the_machine_must_prove_its_key(machine: Machine, data_dir: Path) -> None:
    with pytest.raises(Unauthorized):
        await Client.connect(data_dir, door_key="a" * 40, timeout=2.0)


async def test_another_token_brings_another_agent(machine: Machine, data_dir: Path) -> None:
    less = Point.parse("localhost:users:less")
    for result in await machine.client().exec(
        "create localhost:users<UserBase<OAuth>>; create localhost:users:less<User>"
    ):
        result.unwrap()
    await machine.registry.add_token(TokenRecord(digest("of-less"), less, "less"))
    async with Client.connect(data_dir, token="of-less") as client:
        assert client.agent == less
        pong = await client.ping(PROBE, "Ext<Who>")
        assert pong.status == 403
        stopping = await client.ping("GLOBAL::machine", "Ext<Stop>")
        assert stopping.status == 403


# -- forging -----------------------------------------------------------------------------------------------


async def test_what_a_client_writes_behind_its_frame_is_not_read(raw: Any, machine: Machine) -> None:
    greet = await raw.knock(machine)
    fields = msgspec.msgpack.decode(encode_frame(ask()))
    forged = [*fields, "localhost:victim", "hyperspace:users:somebody", ["localhost"], "Full"]
    raw.send(msgspec.msgpack.encode(forged))
    reply = await raw.hear()
    assert reply.body["agent"] == "hyperspace:users:hyperuser"
    assert reply.body["sender"] + "@Core" == greet.surface
    assert reply.body["chain"] == [] and reply.body["scope"] is None


async def test_a_client_cannot_send_as_a_machine_does(raw: Any, machine: Machine, data_dir: Path) -> None:
    await raw.knock(machine)
    forged = Ping(
        Point.parse(PROBE),
        Method.parse("Ext<Who>"),
        sender=Point.parse("<<STAR::central:nexus[0]>>::star"),
        agent=Point.parse("<<STAR::central:nexus[0]>>::star"),
    )
    raw.send(encode_ping(forged, 0.0))
    said = await refused(raw, 502)
    assert "does not send a Ping" in said.error
    await still_serves(data_dir)


@pytest.mark.parametrize(
    ("to", "method"),
    [
        (PROBE, "Hyp<Assign>"),
        ("<<STAR::central:nexus[0]>>::star", "Ext<Anything>"),
        ("<<STAR::central:nexus[0]>>::star", "Hyp<Transport>"),
        ("<<STAR::machine:local[0]>>::star:drivers:space", "Cmd<Read>"),
    ],
)
async def test_what_is_between_stars_a_client_may_not_send(client: Client, to: str, method: str) -> None:
    assert (await client.ping(to, method)).status == 403
    assert (await client.signal(to, method)).status == 403
    with pytest.raises(Exception, match=r"between stars|a client may not"):
        await client.ripple([to], method)


async def test_an_id_that_is_not_a_clients_is_refused(raw: Any, machine: Machine) -> None:
    await raw.knock(machine)
    for wrong in ("1", "", "c-" + "x" * 100, "c-\n"):
        raw.send(encode_frame(ask(id=wrong)))
        assert (await raw.hear()).status == 400
    raw.send(encode_frame(ask(7, method="Ext<Hold>", wait=300_000_000)))
    raw.send(encode_frame(ask(7)))
    assert [(await raw.hear()).status for _ in range(2)] == [409, 408]


# -- bad frames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x00",
        b"\xff" * 50,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\x92\x04\x01",
    ],
)
async def test_garbage_ends_the_connection_and_the_machine_serves_on(
    raw: Any, machine: Machine, data_dir: Path, garbage: bytes, caplog: Any
) -> None:
    await raw.knock(machine)
    with caplog.at_level(logging.WARNING, "hyperverse.control"):
        raw.send(garbage)
        await refused(raw, 502)
    assert any("is sent away" in record.message for record in caplog.records)
    await still_serves(data_dir)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "No Point"},
        {"method": "Ext"},
        {"method": "Cmd<Nothing>"},
        {"wait": 0},
        {"wait": -5},
        {"to": "x" * 1000 + "!"},
    ],
)
async def test_a_wave_that_is_malformed_is_answered_400(raw: Any, machine: Machine, changes: Any) -> None:
    await raw.knock(machine)
    raw.send(encode_frame(ask(**changes)))
    assert (await raw.hear()).status == 400
    raw.send(encode_frame(ask(2)))
    assert (await raw.hear()).status == 200


async def test_recipients_that_are_none_are_answered_400(raw: Any, machine: Machine) -> None:
    await raw.knock(machine)
    many = AskManyFrame("c-1", ["everybody"], "Cmd<Bounce>", None, "/", None, 10**9, None, Priority.MED, "")
    raw.send(encode_frame(many))
    assert (await raw.hear()).status == 400


async def test_a_body_over_the_limit_is_answered_413(client: Client) -> None:
    assert (await client.ping(PROBE, "Ext<Echo>", b"x" * 60_000)).ok
    pong = await client.ping(PROBE, "Ext<Echo>", b"x" * 70_000)
    assert (pong.status, pong.outcome) == (413, Outcome.REJECTED)
    with pytest.raises(TooLarge):
        await client.ask(PROBE, "Ext<Echo>", b"x" * 20_000_000)
    assert (await client.ping(PROBE, "Ext<Runs>")).ok


async def test_more_waves_at_once_than_allowed_are_answered_429(raw: Any, machine: Machine) -> None:
    await raw.knock(machine)
    for number in range(600):
        raw.send(encode_frame(ask(number, method="Ext<Hold>", wait=500_000_000)))
    statuses = [(await raw.hear()).status for _ in range(600)]
    assert statuses.count(429) == 600 - 512 and statuses.count(408) == 512


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
    assert await asyncio.wait_for(child.stdout.readline(), 20) == b"ready\n"
    assert len(machine.control) == 1 and points(machine) != before
    child.send_signal(how)
    await watch.until("down", "control-")
    assert len(machine.control) == 0 and points(machine) == before
    assert machine.crew.waiting == 0
    if how is signal.SIGSTOP:
        child.kill()
    await child.wait()
    probe = machine.gravity.places[PROBE]
    assert getattr(probe, "running", 0) == 0
    assert len(asyncio.all_tasks()) <= tasks + 64  # idle workers of the crew stay


async def test_handlers_of_a_client_that_leaves_are_cut(machine: Machine, data_dir: Path, watch: Any) -> None:
    async with Client.connect(data_dir) as client:
        pending = asyncio.create_task(client.ping(PROBE, "Ext<Hold>"))
        while await client.ask(PROBE, "Ext<Runs>") < 1:
            pass
    await watch.until("down", "control-")
    await machine.client().ping(PROBE, "Ext<Runs>")
    assert machine.gravity.places[PROBE].running == 0  # type: ignore[attr-defined]
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
    await raw.knock(machine)
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    first = await raw.hear()
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    second = await raw.hear()
    assert isinstance(second, Pong) and (first.body, second.body) == (1, 1)
    raw.send(encode_frame(ask(2, method="Ext<Run>", retries=1)))
    assert (await raw.hear()).body == 2


async def test_nobody_else_is_given_the_reply(machine: Machine, data_dir: Path, raw: Any) -> None:
    await raw.knock(machine)
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    await raw.hear()
    await machine.client().exec("create localhost:users<UserBase<OAuth>>; create localhost:users:fae<User>")
    fae = Point.parse("localhost:users:fae")
    await machine.registry.add_token(TokenRecord(digest("of-fae"), fae))
    await raw.transport.disconnect(raw.peer)
    await raw.connect(machine)
    raw.send(encode_frame(KnockFrame(PROTOCOL, "of-fae", "0")))
    await raw.hear()
    raw.send(encode_frame(ask(1, method="Ext<Run>", retries=1)))
    assert (await raw.hear()).status == 403


# -- files -------------------------------------------------------------------------------------------------


async def test_secrets_are_for_the_owner_only_and_gone_when_the_machine_is(
    machine: Machine, data_dir: Path, caplog: Any
) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    note = data_dir / "machines" / "local" / "control.json"
    for file in (data_dir / "token", data_dir / "keys" / "clients.key", note):
        assert mode(file) == 0o600, file
    for directory in (data_dir, data_dir / "keys", note.parent):
        assert mode(directory) == 0o700, directory
    said = json.loads(note.read_text())
    assert said["pid"] == os.getpid() and said["name"] == "local" and said["protocol"] == PROTOCOL
    assert said["address"] == machine.control.address and said["door_key"] == machine.control.door_key
    await machine.stop()
    assert not note.exists()


async def test_no_secret_gets_into_a_log_line(machine: Machine, data_dir: Path, caplog: Any) -> None:
    token = (data_dir / "token").read_text().strip()
    key = json.loads((data_dir / "keys" / "clients.key").read_text())["secret"]
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
    assert len(machine.control.address.removeprefix("ipc://")) <= 100
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


async def test_a_client_stops_the_machine(machine: Machine, client: Client) -> None:
    async def run() -> None:
        await machine.wait_stopped()
        await machine.stop()

    running = asyncio.create_task(run())
    await client.stop()
    await running
    assert str(machine.state) == "Done"
