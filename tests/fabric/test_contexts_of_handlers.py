"""What a handler sets in a context variable is its own, however it ends."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from fabric.raising_kinds import NAME, Plugin, made
from hyperverse_core import Machine
from hyperverse_core.universe.address.point import Point


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Plugin(),)


@pytest.fixture
def machine_config(machine_config: Any) -> Any:
    return attrs.evolve(machine_config, idle_after=1.0)


_FRESH = ["nobody", 28, "nobody", 28, None]


@pytest.mark.parametrize("pause", [False, True])
async def test_what_a_handler_sets_in_a_context_variable_is_its_own(machine: Machine, pause: bool) -> None:
    await made(machine, "a", "b")
    client = machine.client()
    NAME.set("test")
    decimal.setcontext(decimal.Context(prec=7))  # of this test alone
    said = await client.ask("localhost:a", "Ext<Name>", {"name": "outer", "pause": pause, "to": "localhost:b"})
    assert said == ["nobody", 28, "outer", 5, ["nobody", 28, "inner", 5, None]]
    assert (NAME.get(), decimal.getcontext().prec) == ("test", 7)
    for name in "ab":
        assert await client.ask(f"localhost:{name}", "Ext<Name>", {"pause": pause}) == _FRESH
        for _ in range(3):
            await client.signal(f"localhost:{name}", "Ext<Name>", {"name": "signal"})
    echoes = await client.ripple([Point.parse("localhost:a"), Point.parse("localhost:b")], "Ext<Name>")
    assert [echo.body for echo in echoes] == [_FRESH, _FRESH]


async def test_a_handler_that_is_cut_off_ends_in_its_own_context(machine: Machine) -> None:
    await made(machine, "a", "b")
    client = machine.client()
    body = {"name": "outer", "pause": True}
    reply = await client.ping("localhost:a", "Ext<Name>", body, wait=0.005)
    assert reply.status == 408
    assert await client.ask("localhost:a", "Ext<Name>") == _FRESH
