"""Clients may come in by another transport than the lanes have: ``[control] driver``."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway.conftest import StartMachine
from gateway.talk import PROBE
from gateway.test_client_settings import endpoint_file
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Choice, Control
from hyperverse_core.config.secrets import masked
from hyperverse_core.errors import ConfigError
from lanes.bus_transport import BusTransport
from patience import PATIENCE


async def served(machine: Machine, data_dir: Path) -> None:
    await machine.client().exec("create localhost<Space>; create localhost:probe<Probe>")
    async with Client.connect(data_dir) as client:
        assert (await client.ping(PROBE, "Ext<Echo>", 1)).ok
        assert (await client.status())["state"] == "Ready"


@pytest.mark.parametrize(("lanes", "control"), [("zmq", "stream"), ("stream", "zmq"), ("local", "stream")])
async def test_lanes_and_clients_may_use_different_transports(
    start_machine: StartMachine, config: Config, data_dir: Path, lanes: str, control: str
) -> None:
    machine = await start_machine(attrs.evolve(config, lanes=Choice(lanes), control=Control(driver=control)))
    await served(machine, data_dir)
    assert endpoint_file(machine)["transport"] == control
    assert endpoint_file(machine)["settings"] == {}


async def test_the_settings_of_control_are_those_of_its_transport_and_of_the_client(
    start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    control = Control(driver="zmq", settings={"max_frame": 3_000_000})
    machine = await start_machine(attrs.evolve(config, lanes=Choice("zmq", {"max_frame": 2_000_000}), control=control))
    await served(machine, data_dir)
    assert endpoint_file(machine)["settings"] == {"max_frame": 3_000_000}
    assert machine.parts.transport.max_frame == 2_000_000


_WRONG = {"max_peer": 5}
_LINES = r"no setting 'max_peer'; did you mean 'max_peers'"


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"control": Control(driver="zqm")}, r"^control\.driver: no lane transport named 'zqm'; .*'zmq'"),
        ({"control": Control(driver="zmq", settings=_WRONG)}, rf"^\[control\] {_LINES}"),
        ({"lanes": Choice("zmq", _WRONG)}, rf"^\[lanes\] {_LINES}"),
        ({"lanes": Choice("zmq", _WRONG), "control": Control(driver="zmq")}, rf"^\[lanes\] {_LINES}"),
        ({"control": Control(address="here")}, r"^\[control\] address: not an address: 'here'$"),
        ({"control": Control(driver="zmq", address="here")}, r"^\[control\] address: not an address: 'here'$"),
        ({"lanes": Choice("stream", {"address": "here"})}, r"^\[lanes\] address: not an address: 'here'$"),
        (
            {"control": Control(driver="nats", settings={"servers": "nats://127.0.0.1:1", "tls_ca": __file__})},
            r"^\[control\] tls_ca = '.*': the file has no certificates",
        ),
    ],
)
async def test_an_error_in_a_setting_of_a_transport_names_its_table(
    start_machine: StartMachine, config: Config, tables: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        await start_machine(attrs.evolve(config, **tables))
    assert re.search(says, masked(raised.value.message)), masked(raised.value.message)


class Silent(BusTransport):
    """A transport over a broker that can go away."""

    needs_broker = True


async def test_clients_get_in_while_the_broker_of_the_lanes_is_away(
    start_machine: StartMachine, config: Config, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that stop the machine: without ``[control]`` they come in by the default transport."""
    machine = await start_machine(config, transport=Silent())

    def lost(*message: Any) -> None:
        """Nothing is carried any more."""

    monkeypatch.setattr(BusTransport.bus, "publish", lost)
    assert endpoint_file(machine)["transport"] == "stream"
    await served(machine, data_dir)

    async def run() -> None:
        """As `hyperverse up` does."""
        await machine.wait_stopped()
        await machine.stop()

    running = asyncio.create_task(run())
    async with Client.connect(data_dir) as client:
        await client.stop()
    await asyncio.wait_for(running, PATIENCE)


async def test_a_transport_that_is_handed_over_counts_for_clients_unless_another_is_named(
    start_machine: StartMachine, config: Config, data_dir: Path
) -> None:
    machine = await start_machine(config, transport=BusTransport())
    assert machine.control.address.startswith("bus://")
    other = data_dir.with_name("other")
    named = attrs.evolve(config, data_dir=other, control=Control(driver="zmq"))
    await served(await start_machine(named, transport=BusTransport()), other)
