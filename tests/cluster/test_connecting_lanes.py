"""Lanes that are being connected: they come up in the end, whatever the transport says meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from cluster.worlds import InProcess
from hyperverse_core.config import KindSettings
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.testing.faulty_lane import FaultyHub

_KINDS = {"Tally": KindSettings(placement="round-robin")}


async def two_machines(world: InProcess) -> tuple[Machine, Machine, str]:
    """Machines a and b, and a particle on b."""
    a, b = [await world.start(name, kinds=_KINDS) for name in "ab"]
    await asyncio.sleep(1.0)
    await a.client().exec("create localhost<Space>")
    for number in range(12):
        point = f"localhost:t{number}"
        await a.client().exec(f"create {point}<Tally>")
        if (await a.client().ping(point, "Ext<Value>")).remote:
            return a, b, point
    raise AssertionError("all particles live on one machine")


def cut(machine: Machine) -> None:
    """Ends the connections that a machine has made."""
    for peer in list(machine.parts.board.outgoing):
        machine.parts.transport.ends[peer].other.cut("cut by the test")  # type: ignore[attr-defined]  # a LocalTransport's


async def test_a_lane_is_tried_again_whatever_the_transport_raises(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, _, on_b = await two_machines(inside)
    connect, tries = a.parts.transport.connect, 0

    async def fails_twice(*args: Any, **named: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise RuntimeError("a bug of the transport")
        return await connect(*args, **named)

    monkeypatch.setattr(a.parts.transport, "connect", fails_twice)
    cut(a)
    await asyncio.sleep(0.01)
    lost = await a.client().ping(on_b, "Ext<Value>")
    assert (lost.status, "RuntimeError: a bug of the transport" in lost.error) == (503, True)
    await asyncio.sleep(1.0)
    assert (await a.client().ping(on_b, "Ext<Value>")).ok
    assert "lane to machine b could not be connected; please report it" in caplog.text


# -- more waits than the transport takes at once -----------------------------------------------------------


@pytest.fixture
def network(inside: InProcess) -> FaultyHub:
    """The network of ``inside``, whose wires can be cut and made slow, and whose lanes take little."""
    inside.hub = hub = FaultyHub(random.Random(1), notice=3.0)
    inside.lanes = {"queue_frames": 50, "queue_bytes": 100_000}
    return hub


async def connecting(world: InProcess, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, str, asyncio.Event]:
    """Machine a, a particle on b, and what lets the first lane from a to b be connected."""
    a, go = await world.start("a", kinds=_KINDS), asyncio.Event()
    connect = a.parts.transport.connect

    async def later(*args: Any, **named: Any) -> Any:
        await go.wait()
        return await connect(*args, **named)

    monkeypatch.setattr(a.parts.transport, "connect", later)
    b = await world.start("b", kinds=_KINDS)
    await asyncio.sleep(1.0)
    await b.client().exec("create localhost<Space>")
    for number in range(12):
        point = f"localhost:t{number}"
        await b.client().exec(f"create {point}<Tally>")
        if not (await b.client().ping(point, "Ext<Value>")).remote:
            return a, point, go
    raise AssertionError("no particle lives on b")


def downs(machine: Machine, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said of lanes that were down; how many connections a machine has made is checked too."""
    assert len(machine.parts.board.outgoing) == 1
    return [text for text in caplog.messages if "is down" in text]


@pytest.mark.parametrize(("count", "size"), [(400, 0), (40, 30_000)], ids=["frames", "bytes"])
async def test_more_than_the_transport_takes_leaves_in_order_when_the_lane_is_connected(
    inside: InProcess,
    network: FaultyHub,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    count: int,
    size: int,
) -> None:
    a, on_b, go = await connecting(inside, monkeypatch)
    network.set_delay("a", "b", 0.05, 0.05)
    client = a.client()
    for number in range(count):
        assert (await client.signal(on_b, "Ext<Tell>", {"what": [number, "x" * size]})).status == 202
    echoes = [asyncio.ensure_future(client.ping(on_b, "Ext<Echo>", number, wait=60.0)) for number in range(count)]
    await asyncio.sleep(0)
    go.set()
    for number in range(count, count + 20):  # while those before them are leaving
        assert (await client.signal(on_b, "Ext<Tell>", {"what": [number, ""]})).status == 202
        await asyncio.sleep(0.01)
    assert [(await echo).unwrap() for echo in echoes] == list(range(count))
    told = await client.ask(on_b, "Ext<Told>")
    assert [number for number, _ in told] == list(range(count + 20))
    assert not downs(a, caplog)


async def test_what_waits_for_a_lane_is_bounded_in_bytes(inside: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    a, on_b, go = await connecting(inside, monkeypatch)
    replies = [await a.client().signal(on_b, "Ext<Tell>", {"what": "x" * 4_000_000}) for _ in range(20)]
    assert [reply.status for reply in replies] == [202] * 16 + [503] * 4
    assert f"waves of {replies[-1].error.split()[2]} bytes wait for the lane to machine 'b'" in replies[-1].error
    assert 64_000_000 < int(replies[-1].error.split()[2]) < 64 * 1024 * 1024
    go.set()
    await asyncio.sleep(1.0)
    assert len(await inside.running["b"].client().ask(on_b, "Ext<Told>")) == 16
    assert (await a.client().signal(on_b, "Ext<Tell>", {"what": "x" * 4_000_000})).status == 202


async def test_what_has_not_left_when_the_connection_breaks_is_given_back(
    inside: InProcess, network: FaultyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, on_b, go = await connecting(inside, monkeypatch)
    network.set_delay("a", "b", 1.0, 1.0)
    waves = [asyncio.ensure_future(a.client().ping(on_b, "Ext<Echo>", bytes(30_000), wait=60.0)) for _ in range(400)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.sleep(4.5)  # it takes four to connect; only so much is on the way from then on
    assert not a.parts.board.peers.causes()["b"]
    network.set_delay("a", "b", 0.0, 0.0)
    cut(a)
    outcomes = Counter(str(reply.outcome) for reply in await asyncio.gather(*waves))
    assert set(outcomes) == {"unknown", "rejected"}, outcomes
    await asyncio.sleep(2.0)
    assert (await a.client().ping(on_b, "Ext<Value>")).ok
    assert len(a.parts.board.outgoing) == 1


async def test_a_machine_stops_while_waves_are_left_that_waited_for_a_lane(
    inside: InProcess, network: FaultyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, on_b, go = await connecting(inside, monkeypatch)
    network.set_delay("a", "b", 1.0, 1.0)
    waves = [asyncio.ensure_future(a.client().ping(on_b, "Ext<Echo>", bytes(30_000), wait=60.0)) for _ in range(400)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.sleep(4.5)
    network.set_delay("a", "b", 30.0, 30.0)
    before = asyncio.get_running_loop().time()
    await a.stop()
    assert asyncio.get_running_loop().time() - before < a.config.stop_deadline + 5.0
    assert not any(reply.ok for reply in await asyncio.gather(*waves))
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "lane to b"]
