"""What is not as it should be is in the status: what, why, since when, and when it is tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperverse_core import Machine
from hyperverse_core.contracts.registry import Registry
from hyperverse_core.errors import Unavailable
from hyperverse_core.scheduling.troubles import Troubles


def _row(machine: Machine, what: str) -> dict[str, Any] | None:
    return next((row for row in machine.status()["troubles"] if row["what"] == what), None)


@pytest.mark.parametrize(
    ("method", "what"), [("renew", "the renewal of leases"), ("changes", "the change feed")], ids=["leases", "feed"]
)
async def test_a_registry_that_fails_is_shown_until_it_answers_again(
    machine: Machine, machine_registry: Registry, monkeypatch: pytest.MonkeyPatch, method: str, what: str
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        await asyncio.sleep(0.01)
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(machine_registry, method, refuse)
        await machine.client().exec("create localhost<Space>")
        await asyncio.sleep(machine.config.lease)
        row = _row(machine, what)
        assert row is not None
        assert row["cause"] == "the disk is full"
        assert row["again"] is not None and row["since"] <= row["again"]
        assert row["times"] > 1
    await asyncio.sleep(10 * machine.config.lease)
    assert _row(machine, what) is None


def test_troubles_are_bounded_and_end_by_themselves() -> None:
    now = 0.0
    troubles = Troubles(lambda: now)
    for number in range(500):
        troubles.happened(str(number), "x")
    assert len(troubles.rows()) == 100
    now = 601.0
    assert troubles.rows() == []
    troubles.note("a", "x", again=2.0)
    now = 700.0
    troubles.note("a", "y", again=2.0)
    assert troubles.rows() == [{"what": "a", "cause": "y", "since": 601.0, "again": 702.0, "times": 2}]
