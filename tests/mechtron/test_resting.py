"""Guests that are idle give back their stacks soon, and those in a call do not."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Machine
from hyperverse_mechtron import resting
from hyperverse_mechtron.host.guest import Guest
from hyperverse_mechtron.host.running import waiting
from hyperverse_mechtron.resting import Resting
from mechtron.component_guests import BYTES
from mechtron.guests import MANY
from mechtron.test_mechtrons import Make, ask, machine_plugins, make
from patience import PATIENCE, until

__all__ = ["machine_plugins", "make"]


class Rests:
    """Counts how often it rests."""

    def __init__(self) -> None:
        self.times = 0

    def rest(self) -> None:
        self.times += 1


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting, "_AFTER", 0.01)


async def test_each_that_was_called_rests_once() -> None:
    some, idle, all_of_them = [Rests() for _ in range(250)], Rests(), Resting()
    for _ in range(3):
        for each in some:
            all_of_them.called(each)
    await until(lambda: all(each.times for each in some), "all to rest", within=PATIENCE)
    await until(lambda: all_of_them._timer is None, "the rounds to end", within=PATIENCE)
    assert {each.times for each in some} == {1} and not idle.times
    all_of_them.called(some[0])
    await until(lambda: some[0].times == 2, "it to rest again", within=PATIENCE)
    all_of_them.called(some[1])
    all_of_them.close()
    all_of_them.called(some[2])
    await asyncio.sleep(0.05)
    assert some[1].times == some[2].times == 1


@pytest.mark.parametrize("before", ["(component ", "(component (core func $set (canon waitable-set.new)) "])
async def test_a_component_that_is_idle_answers_again_and_ends(machine: Machine, make: Make, before: str) -> None:
    """wasmtime may keep a fiber of it between calls, whose stack must stay: the process ended otherwise."""
    point = await make("m", BYTES.replace("(component ", before, 1))
    for _ in range(3):
        assert (await ask(machine, point, "Any", b"\xff\0")).unwrap() == b"\xff\0"
        await asyncio.sleep(0.05)  # several rounds


@pytest.mark.thorough
async def test_a_guest_in_a_call_does_not_rest(machine: Machine, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rested: list[Guest] = []
    rest = Guest.rest

    def noted(guest: Guest) -> None:
        rested.append(guest)
        rest(guest)

    monkeypatch.setattr(Guest, "rest", noted)
    await machine.client().exec("create localhost:other<Other>")
    point = await make("m", MANY, "Limits { +seconds=60; +concurrency=2; }")
    asks = asyncio.ensure_future(ask(machine, point, "Ask", "wait"))
    await until(lambda: waiting, "the guest to wait", within=PATIENCE)
    (busy,) = waiting
    for number in range(1, 4):
        assert (await ask(machine, point, "Echo", f"{number}")).unwrap() == f"{number}"
        before = len(rested)
        await until(lambda count=before: len(rested) > count, "the other to rest", within=PATIENCE)
    assert busy not in rested
    asks.cancel()
    await until(lambda: not waiting, "the guest to end", within=PATIENCE)
