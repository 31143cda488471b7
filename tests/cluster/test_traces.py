"""A trace shows the hops of a wave on all machines; a dump shows what waits for others."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from cluster.worlds import InProcess
from hyperverse_core import Machine
from hyperverse_core.testing.faulty_lane import FaultyHub

MACHINE = "GLOBAL::machine"


async def two(world: InProcess) -> tuple[Machine, Machine]:
    first, second = await world.start("first"), await world.start("second")
    await asyncio.sleep(1.0)
    await first.client().exec("create localhost<Space>")
    return first, second


async def living_on(machine: Machine, kind: str) -> str:
    """The point of a new particle that lives on ``machine``."""
    client, own = machine.client(), {star.text for star in machine.parts.stars.values()}
    for number in range(50):
        point = f"localhost:{kind.lower()}{number}"
        created = (await client.exec(f"create {point}<{kind}>", check=False))[0].ok
        if created and (await client.ping(point, "Cmd<Bounce>")).star in own:
            return point
    raise AssertionError(f"no {kind} has come to {machine.name}")


async def traced(machine: Machine, to: str, method: str, body: Any = None, **more: Any) -> dict[str, Any]:
    request = {"to": to, "method": method, "body": body, **more}
    found: dict[str, Any] = await machine.client().ask(MACHINE, "Ext<Trace>", request, wait=60.0)
    return found


def hops_of(wave: dict[str, Any]) -> list[tuple[str, str]]:
    return [(event["event"], event["machine"]) for event in wave["events"]]


def nobody_listens(*machines: Machine) -> bool:
    chains = [machine.parts.interceptors for machine in machines]
    return not any(chain.senders or chain.handlers or chain.refusals or chain.retried for chain in chains)


async def test_the_hops_of_both_machines_are_one_trace(inside: InProcess) -> None:
    first, second = await two(inside)
    tally = await living_on(second, "Tally")
    found = await traced(first, tally, "Ext<Add>")
    (wave,) = found["waves"]
    sent, delivered = ("sent", "first"), ("delivered", "second")
    assert hops_of(wave) == [("begun", "first"), sent, delivered, ("answered", "first")]
    events = wave["events"]
    assert events[2]["at"] == 0.0  # by the clock of the second machine, which has seen nothing before
    assert events[1]["star"] == events[2]["star"]
    assert (found["silent"], found["left_out"]) == ([], 0)
    assert nobody_listens(first, second)


async def test_waves_that_a_handler_of_another_machine_sends_back_are_in_the_tree(inside: InProcess) -> None:
    first, second = await two(inside)
    relay, tally = await living_on(second, "Relay"), await living_on(first, "Tally")
    found = await traced(first, relay, "Ext<Pass>", {"to": [tally], "method": "Ext<Value>"})
    outer, inner = found["waves"]
    assert (outer["depth"], inner["depth"], inner["parent"]) == (0, 1, outer["wave"])
    assert hops_of(inner)[0] == ("begun", "second")
    assert ("delivered", "first") in hops_of(inner)
    assert inner["sender"] == relay
    assert nobody_listens(first, second)


async def test_a_ripple_shows_its_recipients_on_both(inside: InProcess) -> None:
    first, second = await two(inside)
    points = {await living_on(first, "Tally"), await living_on(second, "Tally")}
    found = await traced(first, "localhost:*<Tally>", "Ext<Value>", sent_as="ripple")
    (wave,) = found["waves"]
    assert hops_of(wave)[0] == ("begun", "first")
    assert hops_of(wave)[-1] == ("answered", "first")
    assert points <= {event["to"] for event in wave["events"] if event["event"] == "delivered"}
    assert {machine for event, machine in hops_of(wave) if event == "delivered"} == {"first", "second"}


async def test_a_machine_that_cannot_be_asked_is_named(inside: InProcess) -> None:
    inside.hub = hub = FaultyHub(random.Random(1), notice=1.0)
    first, second = await two(inside)
    tally = await living_on(first, "Tally")
    hub.cut("first", "second")
    await asyncio.sleep(3.0)
    found = await traced(first, tally, "Ext<Value>")
    assert hops_of(found["waves"][0]) == [(event, "first") for event in ("begun", "sent", "delivered", "answered")]
    (silent,) = found["silent"]
    assert silent["machine"] == "second"
    assert silent["why"]
    assert nobody_listens(first, second)


async def test_a_dump_shows_lanes_and_what_waits_for_an_answer(inside: InProcess) -> None:
    first, second = await two(inside)
    tally = await living_on(second, "Tally")
    client = first.client()
    asked = [asyncio.ensure_future(client.ping(tally, "Ext<Wait>", {"seconds": 3.0})) for _ in range(2)]
    await asyncio.sleep(1.0)
    found = await client.ask(MACHINE, "Ext<Dump>")
    (row,) = found["pending"]
    assert (row["machine"], row["count"]) == ("second", 2)
    assert row["oldest"] == pytest.approx(1.0, abs=0.2)
    (lane,) = found["lanes"]
    assert (lane["machine"], lane["state"], lane["waiting"], lane["bytes"]) == ("second", "up", 0, 0)
    there = await second.client().ask(MACHINE, "Ext<Dump>")
    (busy,) = [row for row in there["activations"] if row["point"] == tally]
    assert (there["machine"], busy["running"], busy["waiting"]) == ("second", 1, 1)
    await asyncio.gather(*asked)
    assert (await client.ask(MACHINE, "Ext<Dump>"))["pending"] == []
