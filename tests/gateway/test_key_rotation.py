"""A machine proves another key to clients while they go on: both count for a while, then the older one ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.talk import PROBE
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Choice, Control
from hyperverse_core.data_dir.endpoint_file import EndpointFile, endpoint_files_in
from hyperverse_core.errors import HyperverseError, Unauthorized
from patience import PATIENCE, until

START = Callable[..., Awaitable[Machine]]
FIXED = "tcp://127.0.0.1:*"


@pytest.fixture(params=["zmq", "stream"])
async def machine(request: pytest.FixtureRequest, start_machine: START, data_dir: Path) -> Machine:
    machine = await start_machine(Config(data_dir=data_dir, lanes=Choice(request.param)))
    await machine.client().exec("create localhost<Space>; create localhost:probe<Probe>")
    return machine


def note(data_dir: Path) -> EndpointFile:
    (found,) = endpoint_files_in(data_dir)
    return found


async def rotate(client: Client, keep: float, address: str = "") -> dict[str, str]:
    made: dict[str, str] = await client.ask(
        "GLOBAL::machine", "Ext<RotateClientsKey>", {"keep": keep, "address": address}
    )
    return made


def pinned(data_dir: Path, file: EndpointFile, **more: Any) -> Any:
    """A client that knows an address and its key, and nothing else."""
    token = (data_dir / "token").read_text().strip()
    return Client.connect(
        address=file.address, server_key=file.server_key, transport=file.transport, token=token, **more
    )


async def test_both_keys_count_and_no_wave_is_lost(machine: Machine, data_dir: Path) -> None:
    before = note(data_dir)
    async with Client.connect(data_dir) as old:
        made = await rotate(old, 600)
        after = note(data_dir)
        assert (after.server_key, after.address) == (made["key"], made["address"])
        assert made["key"] != before.server_key
        assert (after.older_key, after.older_address) == (before.server_key, before.address)
        assert (await old.ping(PROBE, "Ext<Runs>")).attempts == 1, "its session goes on"
        async with pinned(data_dir, before) as still, pinned(data_dir, after) as new, Client.connect(data_dir) as here:
            for client in (still, new, here):
                assert (await client.ping(PROBE, "Ext<Runs>")).ok
        async with Client.connect(data_dir, server_key=before.server_key) as bound:
            assert (await bound.ping(PROBE, "Ext<Runs>")).ok, "a context with the key before"
    kept = json.loads((data_dir / "keys" / "clients.key").read_text()) if after.transport == "zmq" else {}
    assert kept.get("public", made["key"]) == made["key"], "the next start proves it too"


async def test_then_the_older_key_ends_its_sessions_and_those_who_can_come_back(
    machine: Machine, data_dir: Path
) -> None:
    before = note(data_dir)
    async with Client.connect(data_dir) as here, pinned(data_dir, before) as bound:
        made = await rotate(here, 0)
        await until(lambda: note(data_dir).older_key == "", "the older key has ended")
        assert (await here.ping(PROBE, "Ext<Runs>", wait=PATIENCE, retries=20)).ok, "it has found the new address"
        with pytest.raises(HyperverseError):
            (await bound.ping(PROBE, "Ext<Runs>", wait=2)).unwrap()
        with pytest.raises(Unauthorized, match="was replaced"):
            async with pinned(data_dir, before, timeout=PATIENCE):
                pass
        async with pinned(data_dir, note(data_dir)) as new:
            assert (await new.ping(PROBE, "Ext<Runs>")).ok
        assert note(data_dir).server_key == made["key"]


async def test_another_machine_of_the_data_directory_takes_the_key_that_is_there(
    start_machine: START, data_dir: Path
) -> None:
    machines = [await start_machine(Config(name=name, data_dir=data_dir)) for name in ("one", "two")]
    keys = [(await machine.client().ask("GLOBAL::machine", "Ext<RotateClientsKey>"))["key"] for machine in machines]
    assert keys[0] == keys[1]
    assert {file.server_key for file in endpoint_files_in(data_dir)} == {keys[0]}


async def test_a_fixed_address_takes_another_one_for_the_new_key(start_machine: START, data_dir: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        fixed = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    machine = await start_machine(Config(data_dir=data_dir, control=Control(address=fixed)))
    client = machine.client()
    refused = await client.ping("GLOBAL::machine", "Ext<RotateClientsKey>")
    assert (refused.status, "--address" in str(refused.body)) == (409, True)
    made = await rotate(client, 60, FIXED)
    assert made["address"].startswith("tcp://127.0.0.1:")
    assert note(data_dir).older_address == fixed


@pytest.mark.parametrize("keep", [-1, 1e9, float("inf")])
async def test_how_long_the_key_before_counts_has_bounds(machine: Machine, keep: float) -> None:
    reply = await machine.client().ping("GLOBAL::machine", "Ext<RotateClientsKey>", {"keep": keep})
    assert reply.status == 400
