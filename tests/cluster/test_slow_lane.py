"""A slow lane, or one that is stuck, does not hold up the others, and what waits for it stays bounded."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from cluster.worlds import InProcess
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import KindSettings
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.universe.waves.wave import Pong

_QUEUE_FRAMES, _QUEUE_BYTES = 500, 2 * 1024 * 1024


@pytest.fixture
def network(inside: InProcess) -> FaultyHub:
    """The network of ``inside``, whose wires can be made slow, and whose lanes take little."""
    inside.hub = hub = FaultyHub(random.Random(1), notice=3.0)
    inside.lanes = {"queue_frames": _QUEUE_FRAMES, "queue_bytes": _QUEUE_BYTES}
    return hub


async def three_machines(world: InProcess) -> tuple[Machine, str, str]:
    """Machine a, and a particle on b and one on c."""
    kinds = {"Tally": KindSettings(placement="round-robin")}
    a, _, _ = [await world.start(name, kinds=kinds) for name in "abc"]
    await asyncio.sleep(1.0)
    client = a.client()
    await client.exec("create localhost<Space>")
    homes: dict[str, str] = {}
    rows = {row["star"]: row["machine"] for row in await client.stars()}
    for number in range(12):
        point = f"localhost:t{number}"
        await client.exec(f"create {point}<Tally>")
        homes.setdefault(rows[(await client.ping(point, "Ext<Value>")).star], point)
    return a, homes["b"], homes["c"]


async def pings(client: ClientApi, point: str, stop: asyncio.Event) -> list[tuple[Pong, float]]:
    """Asks again and again; the replies, and how long each took."""
    found, loop = [], asyncio.get_running_loop()
    while not stop.is_set():
        begun = loop.time()
        found.append((await client.ping(point, "Ext<Value>", wait=5.0), loop.time() - begun))
        await asyncio.sleep(0.01)
    return found


def waiting(machine: Machine) -> tuple[int, int]:
    """The most frames and bytes that wait for one peer of a machine."""
    boxes = [end.outbox for end in machine.parts.transport.ends.values()]  # type: ignore[attr-defined]  # a LocalTransport's
    return max(box.frames_waiting for box in boxes), max(box.bytes_waiting for box in boxes)


async def test_a_slow_lane_does_not_hold_up_others_and_its_queue_is_bounded(
    inside: InProcess, network: FaultyHub
) -> None:
    a, on_b, on_c = await three_machines(inside)
    client, over = a.client(), asyncio.Event()
    network.set_delay("a", "b", 2.0, 2.0)
    others = asyncio.ensure_future(pings(client, on_c, over))
    load = []
    for number in range(1000):
        load.append(asyncio.ensure_future(client.ping(on_b, "Ext<Echo>", bytes(10_000), wait=60.0)))
        if number % 50 == 49:
            await asyncio.sleep(0.001)
            frames, size = waiting(a)
            assert frames <= _QUEUE_FRAMES
            assert size <= _QUEUE_BYTES
    replies = await asyncio.gather(*load)
    over.set()
    seen = await others
    assert len(seen) > 300
    assert all(reply.ok and took < 0.1 for reply, took in seen)
    outcomes = Counter((reply.status, str(reply.outcome)) for reply in replies)
    assert set(outcomes) == {(200, "ok"), (503, "rejected")}, outcomes
    assert outcomes[200, "ok"] > 100
    assert "does not keep up" in next(reply.error for reply in replies if not reply.ok)


async def test_a_stuck_lane_does_not_hold_up_others_and_its_waves_end_with_an_outcome(
    inside: InProcess, network: FaultyHub
) -> None:
    a, on_b, on_c = await three_machines(inside)
    client, over = a.client(), asyncio.Event()
    before = (await client.ping(on_b, "Ext<Add>")).unwrap()
    network.cut("a", "b")
    others = asyncio.ensure_future(pings(client, on_c, over))
    load = [asyncio.ensure_future(client.ping(on_b, "Ext<Add>", wait=10.0)) for _ in range(800)]
    replies = await asyncio.gather(*load)
    over.set()
    seen = await others
    assert len(seen) > 250  # of three seconds, until the wire is known to be cut
    assert all(reply.ok and took < 0.1 for reply, took in seen)
    assert {str(reply.outcome) for reply in replies} == {"unknown", "rejected"}
    assert all(reply.error for reply in replies)
    network.heal_all()
    await asyncio.sleep(5.0)
    assert (await client.ping(on_b, "Ext<Value>")).unwrap() == before  # no wave went through a cut wire


async def test_answers_for_a_machine_that_does_not_take_them_hold_up_nobody_else(
    inside: InProcess, network: FaultyHub
) -> None:
    a, on_b, on_c = await three_machines(inside)
    b, c = inside.running["b"], inside.running["c"]
    assert (await c.client().ping(on_b, "Ext<Value>")).ok
    network.set_delay("a", "b", 2.0, 2.0)
    over = asyncio.Event()
    others = asyncio.ensure_future(pings(c.client(), on_b, over))
    many = [asyncio.ensure_future(a.client().ping(on_b, "Ext<Echo>", bytes(30_000), wait=60.0)) for _ in range(150)]
    replies = await asyncio.gather(*many)
    over.set()
    seen = await others
    assert all(reply.ok and took < 0.5 for reply, took in seen)
    assert len(seen) > 100
    assert {str(reply.outcome) for reply in replies} <= {"ok", "rejected"}
    assert waiting(b)[1] <= _QUEUE_BYTES
    assert (await a.client().ping(on_c, "Ext<Value>")).ok
