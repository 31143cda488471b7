"""Lanes that are being connected: they come up in the end, whatever the transport says meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.worlds import InProcess
from hyperverse_core.config import KindSettings
from hyperverse_core.fabric.machine import Machine

_KINDS = {"Tally": KindSettings(placement="round-robin")}


async def two_machines(world: InProcess) -> tuple[Machine, Machine, str]:
    """Machines a and b, and a particle on b."""
    a, b = [await world.start(name, kinds=_KINDS) for name in "ab"]
    await asyncio.sleep(1.0)
    (await a.client().exec("create localhost<Space>"))[0].unwrap()
    for number in range(12):
        point = f"localhost:t{number}"
        (await a.client().exec(f"create {point}<Tally>"))[0].unwrap()
        if (await a.client().ping(point, "Ext<Value>")).remote:
            return a, b, point
    raise AssertionError("all particles live on one machine")


def cut(machine: Machine) -> None:
    """Ends the connections that a machine has made."""
    for peer in list(machine.switchboard.outgoing):
        machine.transport.ends[peer].other.cut("cut by the test")  # type: ignore[attr-defined]  # a LocalTransport's


async def test_a_lane_is_tried_again_whatever_the_transport_raises(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, _, on_b = await two_machines(inside)
    connect, tries = a.transport.connect, 0

    async def fails_twice(*args: Any, **named: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise RuntimeError("a bug of the transport")
        return await connect(*args, **named)

    monkeypatch.setattr(a.transport, "connect", fails_twice)
    cut(a)
    await asyncio.sleep(0.01)
    lost = await a.client().ping(on_b, "Ext<Value>")
    assert (lost.status, "RuntimeError: a bug of the transport" in lost.error) == (503, True)
    await asyncio.sleep(1.0)
    assert (await a.client().ping(on_b, "Ext<Value>")).ok
    assert "lane to machine b could not be connected; please report it" in caplog.text
