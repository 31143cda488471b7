"""Moves: draining, rebalancing and watching, while waves keep coming."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from cluster.worlds import InProcess
from hyperverse_core.client.api import ClientApi
from hyperverse_core.universe.waves.wave import Pong

pytestmark = pytest.mark.thorough


async def fill(client: ClientApi, count: int, kind: str = "Tally") -> list[str]:
    points = [f"localhost:t{number}" for number in range(count)]
    script = "; ".join(["create? localhost<Space>", *(f"create {point}<{kind}>" for point in points)])
    await client.exec(script)
    for point in points:
        (await client.ping(point, "Ext<Add>")).unwrap()
    return points


async def load(client: ClientApi, points: list[str], over: asyncio.Event) -> list[Pong]:
    """Pings without a pause and without retries, until told to stop; the replies that are no success."""
    failed, number = [], 0
    while not over.is_set():
        number += 1
        reply = await client.ping(points[number % len(points)], "Ext<Add>")
        if not reply.ok:
            failed.append(reply)
        await asyncio.sleep(0.0005)
    return failed


async def counts(client: ClientApi) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in await client.stars():
        found[row["machine"]] += row["particles"]
    return found


async def administer(client: ClientApi, method: str, body: Any = None) -> Any:
    return (await client.ping("GLOBAL::machine", method, body, wait=60.0)).unwrap()


async def test_draining_a_machine_fails_no_ping(inside: InProcess) -> None:
    first, second = await inside.start("first"), await inside.start("second")
    await asyncio.sleep(1.0)
    clients = first.client(), second.client()
    points = await fill(clients[0], 60)
    over = asyncio.Event()
    loads = [asyncio.ensure_future(load(client, points, over)) for client in clients for _ in range(4)]
    await asyncio.sleep(0.2)
    left = await administer(clients[1], "Ext<Drain>")
    await asyncio.sleep(1.0)
    over.set()
    failed = [reply for task in loads for reply in await task]
    assert not failed, [reply.error for reply in failed[:3]]
    assert left > 10
    assert not any(live.assignment for hosting in second.parts.homes.values() for live in hosting.active.values())


async def test_rebalancing_shows_its_plan_and_moves_live_particles_without_a_failed_ping(inside: InProcess) -> None:
    first = await inside.start("first")
    client = first.client()
    points = await fill(client, 120)
    second = await inside.start("second")
    await asyncio.sleep(1.0)
    plan = await administer(client, "Ext<Rebalance>")
    assert plan["moved"] == 0
    assert 40 <= len(plan["moves"]) <= 80
    assert all("its share is" in move["why"] for move in plan["moves"])
    over = asyncio.Event()
    loads = [asyncio.ensure_future(load(m.client(), points, over)) for m in (first, second) for _ in range(4)]
    await asyncio.sleep(0.1)
    done = await administer(client, "Ext<Rebalance>", {"apply": True})
    await asyncio.sleep(0.5)
    over.set()
    failed = [reply for task in loads for reply in await task]
    assert not failed, [reply.error for reply in failed[:3]]
    assert done["moved"] >= 40
    await asyncio.sleep(1.0)
    assert not (await administer(client, "Ext<Rebalance>"))["moves"]


async def test_rebalancing_says_why_busy_particles_stayed(inside: InProcess) -> None:
    first = await inside.start("first")
    client = first.client()
    points = await fill(client, 24)
    await inside.start("second")
    await asyncio.sleep(1.0)
    busy = [asyncio.ensure_future(client.ping(point, "Ext<Wait>", {"seconds": 20.0}, wait=60.0)) for point in points]
    await asyncio.sleep(0.1)
    done = await administer(client, "Ext<Rebalance>", {"apply": True})
    assert done["moved"] < len(done["moves"])
    assert "was busy, or a wave placed it first: it lives in STAR::" in done["why"]
    assert all(pong.ok for pong in await asyncio.gather(*busy))


async def test_a_new_machine_takes_only_its_share_of_hashed_particles(inside: InProcess) -> None:
    first = await inside.start("first")
    await inside.start("second")
    await inside.start("third")
    await asyncio.sleep(1.0)
    client = first.client()
    await fill(client, 600, "Hashed")
    assert not (await administer(client, "Ext<Rebalance>"))["moves"]
    await inside.start("fourth")
    await asyncio.sleep(1.0)
    moves = (await administer(client, "Ext<Rebalance>"))["moves"]
    fourth = {row["star"] for row in await client.stars() if row["machine"] == "fourth"}
    assert {move["to"] for move in moves} <= fourth
    assert 100 <= len(moves) <= 200  # a quarter of 600 are 150


async def test_a_state_that_was_not_saved_yet_moves_along(inside: InProcess) -> None:
    first = await inside.start("first")
    client = first.client()
    points = await fill(client, 40)
    for point in points:
        await client.ping(point, "Ext<Tell>", {"what": point})
    await inside.start("second")
    await asyncio.sleep(1.0)
    assert (await administer(client, "Ext<Rebalance>", {"apply": True}))["moved"] > 10
    for point in points:
        assert (await client.ping(point, "Ext<Told>")).unwrap() == [point]


async def test_particles_are_spread_evenly_over_four_machines(inside: InProcess) -> None:
    machines = [await inside.start(name) for name in ("a", "b", "c", "d")]
    await asyncio.sleep(1.0)
    await balance(machines[0].client(), [machine.client() for machine in machines], "Tally", 1.25)


async def test_hashed_particles_are_spread_evenly_over_four_machines(inside: InProcess) -> None:
    machines = [await inside.start(name) for name in ("a", "b", "c", "d")]
    await asyncio.sleep(1.0)
    await balance(machines[0].client(), [machine.client() for machine in machines], "Hashed", 1.35)


async def balance(client: ClientApi, clients: list[ClientApi], kind: str, limit: float) -> None:
    """Creates 10,000 particles, reaches for them from everywhere, and compares the machines."""
    count = 10_000
    before = await counts(client)
    points = [f"localhost:b{number}" for number in range(count)]
    script = "; ".join(["create? localhost<Space>", *(f"create {point}<{kind}>" for point in points)])
    await client.exec(script, wait=60.0)
    for start in range(0, count, 500):
        batch = points[start : start + 500]
        replies = await asyncio.gather(*(clients[n % 4].ping(point, "Ext<Value>") for n, point in enumerate(batch)))
        assert all(reply.ok for reply in replies)
    await asyncio.sleep(1.0)
    after = await counts(client)
    hosted = {name: after[name] - before[name] for name in after}
    assert sum(hosted.values()) >= count
    print(f"{kind}: largest is {max(hosted.values()) / count * 4:.3f} times the mean of {hosted}")
    assert max(hosted.values()) <= limit * count / 4, hosted
