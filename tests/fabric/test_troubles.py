"""What is not as it should be is in the status: what, why, since when, and when it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.contracts.registry import Registry
from hyperverse_core.errors import Unavailable
from hyperverse_core.scheduling.troubles import Troubles
from hyperverse_core.testing.fixtures import StartMachine


@attrs.define
class Slow(Particle):
    """One whose start takes an hour."""

    async def on_start(self, ctx: Ctx) -> None:
        await asyncio.sleep(3600)

    @handler("Ext<Read>")
    async def read(self, ctx: Ctx) -> None:
        """Nothing."""


class SlowDriver(Driver):
    kind = KindDef("Slow")
    particle = Slow


@attrs.define
class Late(Particle):
    """One whose driver takes an hour to make it."""

    @handler("Ext<Read>")
    async def read(self, ctx: Ctx) -> None:
        """Nothing."""


class LateDriver(Driver):
    kind = KindDef("Late")
    particle = Late

    async def create(self, record: Any) -> Late:
        await asyncio.sleep(3600)
        return Late()


class Plugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Both."""
        register(SlowDriver)
        register(LateDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Plugin(),)


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


async def _hang(*_: Any, **__: Any) -> None:
    await asyncio.sleep(3600)


@pytest.mark.parametrize(
    ("method", "said"),
    [("changes", "the registry has not answered"), ("stars", "changes are being applied")],
    ids=["the registry", "a reading of the directory"],
)
async def test_a_feed_that_is_held_up_is_shown(
    machine: Machine, machine_registry: Registry, monkeypatch: pytest.MonkeyPatch, method: str, said: str
) -> None:
    await asyncio.sleep(20.0)
    assert _row(machine, "the change feed") is None  # nothing changes, and nothing is held up
    with monkeypatch.context() as patch:
        patch.setattr(machine_registry, method, _hang)
        machine.parts.membership.draining = True  # the stars change, so the directory is read
        machine.parts.membership.changed()
        await asyncio.sleep(20.0)
        row = _row(machine, "the change feed")
        assert row is not None
        assert said in row["cause"]


@pytest.mark.parametrize(("kind", "said"), [("Slow", "on_start has not returned"), ("Late", "create")])
async def test_a_start_that_hangs_is_shown_while_it_does(machine: Machine, kind: str, said: str) -> None:
    client = machine.client()
    for text in ("localhost<Space>", f"localhost:a<{kind}>"):
        (await client.exec(f"create {text}"))[0].unwrap()
    waiting = asyncio.create_task(client.ping("localhost:a", "Ext<Read>", wait=60.0))
    await asyncio.sleep(2.0)
    row = _row(machine, "start of localhost:a")
    assert row is not None
    assert said in row["cause"] and "plugin Plugin" in row["cause"]
    assert (await waiting).status == 408
    row = _row(machine, "start of localhost:a")
    assert row is not None
    assert "its next wave tries again" in row["cause"]


async def test_a_registry_that_cannot_say_what_is_wrong_does_not_keep_the_status_from_being_shown(
    start_machine: StartMachine, machine_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise RuntimeError("no")

    for method in ("trouble", "troubles"):
        monkeypatch.setattr(machine_registry, method, fail)
    machine = await start_machine()
    assert "no" in machine.status()["registry"]["cause"]
    assert _row(machine, "the registry") is not None


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
