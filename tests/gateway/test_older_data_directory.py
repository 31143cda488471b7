"""A data directory that was made when ZeroMQ was the default goes on as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway.conftest import StartMachine
from gateway.talk import PROBE
from gateway.test_control_driver import Silent, endpoint_file
from hyperverse_core import Client, Config
from hyperverse_core.config import Choice
from patience import until

OLDER = Choice("zmq")
"""As a machine was made that named no transport."""


@pytest.fixture
async def before(start_machine: StartMachine, config: Config) -> dict[str, Any]:
    """What the endpoint file of an older machine said, which has stopped."""
    machine = await start_machine(attrs.evolve(config, lanes=OLDER))
    await machine.client().exec("create localhost<Space>; create localhost:probe<Probe>")
    said = dict(endpoint_file(machine))
    await machine.stop()
    return said


async def test_its_clients_find_the_machine_with_the_key_that_they_know(
    before: dict[str, Any], start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    machine = await start_machine(config)
    after = endpoint_file(machine)
    assert {key: after[key] for key in ("transport", "address", "door_key")} == {
        key: before[key] for key in ("transport", "address", "door_key")
    }
    assert not (data_dir / "keys" / "stream").exists()
    token = (data_dir / "token").read_text().strip()
    async with (
        Client.connect(data_dir) as found,
        Client.connect(address=before["address"], server_key=before["door_key"], token=token) as pinned,
    ):
        for client in (found, pinned):
            assert (await client.ping(PROBE, "Ext<Echo>", 1)).ok


async def test_its_machines_reach_those_that_run_already(
    before: dict[str, Any], start_machine: StartMachine, config: Config
) -> None:
    older = await start_machine(attrs.evolve(config, lanes=OLDER))
    newer = await start_machine(attrs.evolve(config, name="newer"))
    for machine, other in ((older, "newer"), (newer, "local")):
        await until(lambda: machine.parts.board.peers.causes() == {other: ""}, "a lane")  # noqa: B023
    assert before["transport"] == "zmq"


async def test_it_moves_by_one_word(
    before: dict[str, Any], start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    machine = await start_machine(attrs.evolve(config, lanes=Choice("stream")))
    after = endpoint_file(machine)
    assert after["transport"] == "stream" and after["door_key"] != before["door_key"]
    async with Client.connect(data_dir) as client:
        assert (await client.ping(PROBE, "Ext<Echo>", 1)).ok
    await machine.stop()
    assert endpoint_file(await start_machine(config))["transport"] == "stream", "also when the word is gone again"


async def test_the_clients_of_a_broker_keep_their_key(
    start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    kept = data_dir / "keys" / "clients.key"
    first = await start_machine(attrs.evolve(config, control=attrs.evolve(config.control, driver="zmq")), Silent())
    said = endpoint_file(first)
    await first.stop()
    assert json.loads(kept.read_text())["public"] == said["door_key"]
    again = endpoint_file(await start_machine(config, Silent()))
    assert (again["transport"], again["door_key"]) == ("zmq", said["door_key"])


async def test_machines_with_different_transports_say_so(
    start_machine: StartMachine, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    one = await start_machine(config)
    other = await start_machine(attrs.evolve(config, name="other", lanes=OLDER))
    for machine, name in ((one, "other"), (other, "local")):
        wrong = f"machine {name!r} uses another transport: set the same `driver` in [lanes] on all machines"
        await until(lambda: machine.parts.board.peers.causes() == {name: wrong}, "the cause")  # noqa: B023
        assert sum(wrong in line for line in caplog.messages) == 1
