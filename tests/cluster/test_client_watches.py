"""What a client watches on another machine: from the answer on, over moves and lost machines."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from cluster.worlds import InProcess
from hyperverse_core import ParticleChange
from hyperverse_core.client.api import ClientApi
from hyperverse_core.client.watching import ChangeWatch
from hyperverse_core.fabric.services.changes.told_machines import ToldMachines
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.universe.address.star_key import StarKey

WATCHED = "localhost:watched"
A, B, C = (StarKey("machine", name, 0) for name in "abc")


async def watched_on(world: InProcess, *names: str) -> str:
    """Starts machines, creates the particle, and says on which it lives."""
    for name in names:
        await world.start(name)
    await asyncio.sleep(1.0)
    client = world.running[names[0]].client()
    await client.exec(f"create localhost<Space>; create {WATCHED}<Tally>")
    return await machine_of(client)


async def machine_of(client: ClientApi) -> str:
    star = (await client.ping(WATCHED, "Cmd<Bounce>")).star
    return next(row["machine"] for row in await client.stars() if row["star"] == star)


async def first(changes: ChangeWatch, wanted: Any) -> ParticleChange:
    async with asyncio.timeout(60.0):  # of virtual time
        async for change in changes:
            if wanted(change):
                return change
    raise AssertionError("the watch has ended")


@pytest.mark.parametrize("aspect", ["State", "Log"])
async def test_what_happens_right_behind_the_answer_is_told(inside: InProcess, aspect: str) -> None:
    home = await watched_on(inside, "first", "second")
    there = inside.running[home].client()
    here = inside.running["second" if home == "first" else "first"].client()
    for _ in range(5):
        async with here.watch(WATCHED, aspect) as changes:
            await there.ask(WATCHED, "Ext<Add>")
            await there.ask(WATCHED, "Ext<Say>", {"text": "hello"})
            assert not (await first(changes, lambda change: change.aspect == aspect)).missed
        await asyncio.sleep(10.0)  # no machine remembers the watch


async def test_a_machine_that_could_not_be_told_may_have_kept_changes_to_itself(inside: InProcess) -> None:
    inside.hub = hub = FaultyHub(random.Random(1), notice=0.6)
    home = await watched_on(inside, "first", "second")
    here = inside.running["second" if home == "first" else "first"].client()
    async with here.watch(WATCHED, "State", "Log") as changes:
        await asyncio.sleep(5.0)
        hub.cut("first", "second")
        await asyncio.sleep(10.0)
        hub.heal("first", "second")
        assert (await first(changes, lambda change: True)).missed
        await here.ask(WATCHED, "Ext<Say>", {"text": "again"})
        # Perhaps the other way there is not open yet; then that is told as soon as it is.
        await first(changes, lambda change: change.text == "again" or change.missed)


async def test_a_machine_that_has_just_come_may_have_let_changes_go_by(inside: InProcess) -> None:
    home = await watched_on(inside, "first")
    here = inside.running[home].client()
    async with here.watch(WATCHED, "State") as changes:
        await asyncio.sleep(5.0)
        await inside.start("second")
        await here.ask("GLOBAL::machine", "Ext<Drain>")
        for _ in range(600):
            if await machine_of(here) == "second":
                break
            await asyncio.sleep(0.1)
        assert await first(changes, lambda change: change.missed)
        await here.ask(WATCHED, "Ext<Add>")
        await first(changes, lambda change: change.aspect == "State")


def test_nothing_was_missed_as_long_as_all_machines_take_it() -> None:
    told = ToldMachines()
    assert not told.one({A: True, B: True})
    assert not told.everything({A: True, B: True})
    assert not told.everything({A: True})  # one has gone that knew everything
    assert not told.one({A: True})


def test_something_may_have_been_missed_where_one_did_not_take_it() -> None:
    told = ToldMachines()
    told.one({A: True, B: False})
    assert not told.everything({A: True, B: False})  # as before: it is not known what it does
    assert told.everything({A: True, B: True})
    assert not told.everything({A: True, B: True})
    assert not told.everything({A: True, B: False})
    assert told.everything({A: True})  # it is lost
    told.nothing()
    assert not told.one({A: True, B: True})


def test_one_that_comes_counts_when_it_was_told_everything_twice() -> None:
    told = ToldMachines()
    told.one({A: True})
    assert told.one({A: True, C: True})
    assert not told.everything({A: True, C: True})
    assert told.one({A: True, C: True})
    assert not told.everything({A: True, C: True})
    assert not told.one({A: True, C: True})
