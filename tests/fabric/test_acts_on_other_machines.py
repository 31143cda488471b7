"""What is done to a whole machine, through another one that was asked for it and whose policy lets that."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from hyperverse_core import Driver, KindDef, Machine, Particle, Register, hookimpl
from hyperverse_core.data_dir.audit.files import AuditPlace
from hyperverse_core.data_dir.audit.reading import rows_of
from hyperverse_core.testing.fixtures import StartMachine

MACHINE = "GLOBAL::machine"
ANN = "hyperspace:users:ann"


class Late:
    """A plugin whose driver does not start before somebody has set ``cured``."""

    def __init__(self) -> None:
        self.cured = False

    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        plugin = self

        class LateDriver(Driver):
            kind = KindDef("Late", doc="starts late")
            particle = Particle

            async def start(self, host: Any) -> None:
                if not plugin.cured:
                    raise OSError("no cure")

        register(LateDriver)  # type: ignore[call-arg]


async def two(start: StartMachine, config: Any, *plugins: object) -> tuple[Machine, Machine]:
    one = await start(config=attrs.evolve(config, name="one"), plugins=plugins)
    other = await start(config=attrs.evolve(config, name="other"), plugins=plugins)
    await asyncio.sleep(1.0)
    return one, other


async def test_another_machine_is_emptied(start_machine: StartMachine, machine_config: Any) -> None:
    one, other = await two(start_machine, machine_config)
    client = one.client()
    await client.exec("create localhost<Space>")
    for number in range(12):
        await client.exec(f"create localhost:w{number}<Worker>")
        (await client.ping(f"localhost:w{number}", "Ext<Get>")).unwrap()
    left = await client.ask(MACHINE, "Ext<Drain>", {"machine": "other"})
    assert left > 0
    assert (other.status()["draining"], one.status()["draining"]) == (True, False)
    assert [(await client.ping(f"localhost:w{n}", "Ext<Get>")).status for n in range(12)] == [200] * 12


async def test_another_machine_is_stopped(start_machine: StartMachine, machine_config: Any) -> None:
    one, other = await two(start_machine, machine_config)
    waits = asyncio.create_task(other.wait_stopped())
    await one.client().ask(MACHINE, "Ext<Stop>", {"machine": "other"})
    await waits
    assert one.status()["state"] == "Ready"


async def test_a_driver_of_another_machine_is_started(start_machine: StartMachine, machine_config: Any) -> None:
    plugin = Late()
    one, other = await two(start_machine, machine_config, plugin)
    await asyncio.sleep(60)
    plugin.cured = True
    found = await one.client().ask(MACHINE, "Ext<StartDriver>", {"kind": "Late", "machine": "other"})
    assert found == {"state": "Ready", "cause": ""}
    states = [next(row["state"] for row in each.status()["drivers"] if row["kind"] == "Late") for each in (one, other)]
    assert states == ["Panic", "Ready"]


async def test_the_policy_decides_about_other_machines_too(start_machine: StartMachine, machine_config: Any) -> None:
    one, other = await two(start_machine, machine_config)
    client = one.client()
    await client.exec(
        "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
        f"create {ANN}<User>; grant perm +csd-rwX on {MACHINE} to {ANN}"
    )
    ann = one.client(ANN)
    for method in ("Ext<Stop>", "Ext<Drain>"):
        assert (await ann.ping(MACHINE, method, {"machine": "other"})).status == 403
    star = "<<STAR::machine:other[0]>>::star"
    for body in ({"act": "stop", "agent": "hyperuser"}, {"act": "drain", "agent": ANN}):
        assert (await ann.ping(star, "Hyp<Assign>", body)).status in (400, 403), "only stars may send that"
    assert other.status()["draining"] is False
    await client.exec(f"grant priv machine:drain on {MACHINE} to {ANN}")
    assert (await ann.ping(MACHINE, "Ext<Drain>", {"machine": "other"})).status == 200
    assert other.status()["draining"] is True


async def test_a_machine_that_there_is_not_is_said(start_machine: StartMachine, machine_config: Any) -> None:
    one, _ = await two(start_machine, machine_config)
    pong = await one.client().ping(MACHINE, "Ext<Drain>", {"machine": "othr"})
    assert (pong.status, "other" in pong.error) == (404, True)
    assert one.status()["draining"] is False


@pytest.mark.parametrize("act", ["drain", "start driver"])
async def test_both_machines_write_it_down(start_machine: StartMachine, machine_config: Any, act: str) -> None:
    one, other = await two(start_machine, machine_config)
    method = {"drain": "Ext<Drain>", "start driver": "Ext<StartDriver>"}[act]
    body = {"machine": "other"} | ({"kind": "Worker"} if act != "drain" else {})
    await one.client().ask(MACHINE, method, body)
    for machine in (one, other):
        rows = [row for row in rows_of(AuditPlace.of(machine.data_dir, machine.name)) if row["event"] == act]
        assert [row["outcome"] for row in rows] == ["asked", "done"]
        assert {row["agent"] for row in rows} == {"hyperspace:users:hyperuser"}
