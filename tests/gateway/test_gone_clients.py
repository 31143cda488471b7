"""A client that does not take its replies, and goes: its waves that waited for that do not run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from gateway.conftest import RawClient, StartMachine
from gateway.talk import PROBE, ask
from hyperverse_core import Machine
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.testing.faulty_lane import FaultyHub
from patience import PATIENCE, until

BIG = 50_000
"""Bytes of a reply."""
ROOM = 120_000
"""Bytes that may be queued for a client."""
HOUR = 3600.0


class Hub(FaultyHub):
    """Wires on which, from some time on, nothing arrives that the machine sends."""

    slow = False

    def delay_of(self, source: str, target: str) -> float:
        return HOUR if self.slow and source == "machine" else 0.0


@pytest.fixture
async def hub() -> Hub:
    return Hub(random.Random(1))


@pytest.fixture
async def machine(start_machine: StartMachine, hub: Hub) -> Machine:
    machine = await start_machine(transport=hub.transport("machine", {"queue_bytes": ROOM}))
    await machine.client().exec(f"create localhost<Space>; create {PROBE}<Probe>")
    return machine


@pytest.fixture
async def raw(hub: Hub, hyperverse_leaks: None) -> AsyncIterator[RawClient]:
    raw = RawClient(hub.transport("client"))
    yield raw
    await raw.transport.close()


async def test_waves_of_a_client_that_takes_no_replies_do_not_run_once_it_has_gone(
    machine: Machine, raw: RawClient, hub: Hub
) -> None:
    await raw.say_hello(machine)
    raw.send(encode_frame(ask(0, method="Ext<Run>")))
    assert (await raw.hear()).body == 1
    hub.slow = True
    for number in range(1, 101):
        raw.send(encode_frame(ask(number, method="Ext<Big>", body={"size": BIG}, wait=PATIENCE)))
    for number in range(101, 131):
        raw.send(encode_frame(ask(number, method="Ext<Run>", wait=PATIENCE)))
    (session,) = machine.control._sessions.values()
    await until(lambda: "c-test-130" in session.waves.running and not session.room.free, "a reply that does not fit")
    hub.disconnect("machine", "client")
    await until(lambda: len(machine.control) == 0, "the end of the session")
    for _ in range(200):
        await asyncio.sleep(0)
    assert await machine.client().ask(PROBE, "Ext<Runs>") == 1
