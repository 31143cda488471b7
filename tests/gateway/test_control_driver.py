"""Clients may come in by another transport than the lanes have: ``[control] driver``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway.conftest import StartMachine
from gateway.talk import PROBE
from gateway.test_client_settings import endpoint_file
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Choice, Control
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


@pytest.mark.parametrize(
    ("control", "says"),
    [
        (Control(driver="zqm"), r"control\.driver: no lane transport named 'zqm'; .*'zmq'"),
        (Control(driver="zmq", settings={"max_peer": 5}), r"no setting 'max_peer'; did you mean 'max_peers'"),
    ],
)
async def test_what_is_wrong_in_control_is_told_at_the_start(
    start_machine: StartMachine, config: Config, control: Control, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        await start_machine(attrs.evolve(config, control=control))


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
