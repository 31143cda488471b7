"""A machine of another host that listens where only its own host can connect is not tried, and status says why."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.registry import StarRecord
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.values import StarKey
from hyperverse_stream.transport import StreamTransport


@pytest.mark.parametrize(("host", "out_of_reach"), [("another", True), ("", False)])
async def test_a_socket_of_another_host_is_not_tried(start_machine: Any, host: str, out_of_reach: bool) -> None:
    registry = MemoryRegistry()
    machine = await start_machine(registry=registry)
    far = StarRecord(
        StarKey("central", "fold", 9),
        "Fold",
        "far",
        address="local://nobody-listens-here",
        lease=3600.0,
        facts=json.dumps({"host": host}),
    )
    await registry.announce(far)
    async with asyncio.timeout(60):
        while not (lanes := [lane for lane in machine.status()["lanes"] if lane["cause"]]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [lane["machine"] for lane in lanes] == ["far"]
    assert ("`address` in [lanes]" in lanes[0]["cause"]) is out_of_reach


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:7000", "tcp://0.0.0.0:7000", "unix:///run/x.sock"])
async def test_an_address_that_leads_to_oneself_is_not_tried(
    start_machine: Any, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    registry = MemoryRegistry()
    monkeypatch.setattr(LocalTransport, "works_elsewhere", lambda _, text: StreamTransport().works_elsewhere(text))
    machine = await start_machine(registry=registry)
    far = StarRecord(
        StarKey("central", "fold", 9),
        "Fold",
        "far",
        address=address,
        lease=3600.0,
        facts=json.dumps({"host": "another"}),
    )
    await registry.announce(far)
    async with asyncio.timeout(60):
        while not (lanes := [lane for lane in machine.status()["lanes"] if lane["cause"]]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert "`advertise` to how other hosts reach it" in lanes[0]["cause"]
