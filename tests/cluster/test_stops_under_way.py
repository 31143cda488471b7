"""What is under way when a machine stops, or its sender gives up, ends and is not kept."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from cluster.worlds import InProcess
from hyperverse_core import Machine
from hyperverse_core.testing.faulty_lane import FaultyHub


async def _far(inside: InProcess) -> tuple[Machine, str]:
    """A machine of two, and a particle that lives on the other one."""
    one, _ = await inside.start("one"), await inside.start("other")
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>")
    for point in (f"localhost:t{number}" for number in range(20)):
        await client.exec(f"create {point}<Tally>")
        if (await client.ping(point, "Ext<Add>")).remote:
            return one, point
    raise AssertionError("none lives on the other machine")


async def _pending(machine: Machine) -> Any:
    """Requests to other machines that wait for an answer, as the dump tells them."""
    return (await machine.client().ask("GLOBAL::machine", "Ext<Dump>"))["pending"]


async def test_an_answer_that_nobody_waits_for_any_more_is_not_kept(inside: InProcess) -> None:
    one, far = await _far(inside)
    asked = asyncio.ensure_future(one.client().ping(far, "Ext<Wait>", {"seconds": 300.0}, wait=2.0))
    await asyncio.sleep(1.0)
    assert [row["machine"] for row in await _pending(one)] == ["other"]
    assert (await asked).status == 408
    assert await _pending(one) == []


async def test_whoever_waits_for_another_machine_is_told_that_this_one_stops(inside: InProcess) -> None:
    one, far = await _far(inside)
    asked = asyncio.ensure_future(one.client().ping(far, "Ext<Wait>", {"seconds": 3000.0}, wait=6000.0))
    await asyncio.sleep(1.0)
    await one.stop()
    async with asyncio.timeout(60):
        reply = await asked
    assert (reply.status, str(reply.outcome)) == (503, "unknown")


async def test_whoever_waits_for_another_machine_is_told_that_the_lane_to_it_was_lost(inside: InProcess) -> None:
    hub = inside.hub = FaultyHub(random.Random(1), notice=0.6)
    one, far = await _far(inside)
    asked = asyncio.ensure_future(one.client().ping(far, "Ext<Wait>", {"seconds": 3000.0}, wait=6000.0))
    await asyncio.sleep(1.0)
    hub.cut("one", "other")
    async with asyncio.timeout(60):
        reply = await asked
    assert (reply.status, str(reply.outcome), "was lost" in reply.error) == (503, "unknown", True)
