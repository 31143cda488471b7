"""A client's transport has the settings of the machine's."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from gateway.conftest import StartMachine
from gateway.talk import PROBE
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Choice, Limits
from hyperverse_core.config.check import Secret
from hyperverse_core.errors import ConfigError

MIB = 1024 * 1024


def endpoint_file(machine: Machine) -> dict[str, object]:
    path = machine.data_dir / "machines" / machine.name / "control.json"
    found: dict[str, object] = json.loads(path.read_text("utf-8"))
    return found


async def test_a_client_takes_frames_as_large_as_the_machine_does(
    start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    """The machine writes its settings into the data directory, where the client finds them."""
    lanes = Choice("zmq", {"max_frame": 24 * MIB, "address": "tcp://127.0.0.1:*"})
    machine = await start_machine(attrs.evolve(config, lanes=lanes, limits=Limits(body=20 * MIB)))
    await machine.client().exec("create localhost<Space>; create localhost:probe<Probe>")
    assert endpoint_file(machine)["settings"] == {"max_frame": 24 * MIB}
    async with Client.connect(data_dir) as client:
        said = b"x" * (18 * MIB)
        assert (await client.ping(PROBE, "Ext<Echo>", said, wait=60.0)).body == said


async def test_settings_that_are_given_come_on_top(machine: Machine, data_dir: Path) -> None:
    with pytest.raises(ConfigError, match="no setting 'nonsense'"):
        await Client.connect(data_dir, settings={"stream": {"nonsense": 1}})
    async with Client.connect(data_dir, settings={"nats": {"nonsense": 1}}) as client:
        assert (await client.ping(PROBE, "Ext<Echo>", 1)).ok


async def test_an_address_is_written_down_as_local_or_not(
    start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    machine = await start_machine()
    assert endpoint_file(machine)["local"] is True
    await machine.stop()
    anywhere = attrs.evolve(config, control=attrs.evolve(config.control, address="tcp://127.0.0.1:*"))
    assert endpoint_file(await start_machine(anywhere))["local"] is False


def test_secrets_are_not_written_down() -> None:
    from hyperverse_core.config import without_secrets

    given = {
        "max_frame": 5,
        "folder": "/etc/keys",
        "password": "literal",
        "key_file": Secret("by reference"),
        "url": "nats://user:password@host",
        "servers": [{"name": "a", "token": "x"}],
    }
    assert without_secrets(given) == {"max_frame": 5, "folder": "/etc/keys"}
