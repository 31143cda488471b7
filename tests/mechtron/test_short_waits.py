"""When a machine waits for the answer of a worker process in its own thread."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import attrs
import pytest

from hyperverse_core import Config, Machine
from hyperverse_mechtron.short_waits import Callers, ShortWaits
from mechtron.guests import MANY
from mechtron.test_isolation import APART, workers
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

QUICK, SLOW = 20_000, 2_000_000


@pytest.fixture
def machine_config(tmp_path: Path) -> Config:
    return attrs.evolve(Config(data_dir=tmp_path / "data"))


async def asked(*waits: ShortWaits) -> list[bool]:
    return [each.worth_it() for each in waits]


async def test_only_quick_guests_are_waited_for() -> None:
    waits = ShortWaits(Callers())
    found = await asked(waits, waits)
    waits.answered(QUICK)
    found += await asked(waits)
    waits.answered(SLOW)
    assert (found, await asked(waits)) == ([False, False, True], [False])


async def test_tasks_that_call_in_turn_do_not_wait() -> None:
    callers = Callers()
    one, other = ShortWaits(callers), ShortWaits(callers)
    for each in (one, other):
        each.answered(QUICK)
    found = [await asyncio.create_task(asked(each)) for each in (one, other, one, other)]
    assert found == [[False]] * 4
    assert await asyncio.create_task(asked(one, other, one)) == [False, True, True]


async def test_waits_without_an_answer_become_rare() -> None:
    waits = ShortWaits(Callers())
    waits.answered(QUICK)
    await asked(waits)
    gaps, gap = [], 0
    while len(gaps) < 4:
        if waits.worth_it():
            waits.waited(answered=False)
            gaps.append(gap)
            gap = 0
        gap += 1
    assert gaps[0] == 0 and gaps[1:] == sorted(set(gaps[1:]))
    while not waits.worth_it():
        pass
    waits.waited(answered=True)
    assert waits.worth_it()


@pytest.mark.thorough
async def test_what_a_quick_guest_does_next_is_answered_as_before(machine: Machine, make: Make) -> None:
    """Also what takes longer than a wait, asks another, traps, or dies."""
    client = machine.client()
    await client.exec("create localhost:other<Other>")
    point = await make("m", MANY, f"{APART} Limits {{ +seconds=2; }}")

    async def quick() -> None:
        for number in range(50):
            assert (await ask(machine, point, "Echo", f"{number}")).unwrap() == f"{number}"

    await quick()
    assert (await ask(machine, point, "Ask", "a")).status == 200
    await quick()
    assert (await ask(machine, point, "Trap")).status == 500
    await quick()
    assert (await ask(machine, point, "Spin")).status == 408
    await quick()
    for each in workers():
        os.kill(each, signal.SIGKILL)
    reply = await client.ping(point, "Ext<Echo>", "x")
    assert reply.status in (200, 503)  # the machine may have seen already that it has died
    await quick()
