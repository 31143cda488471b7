"""Waves that come at once ask the policy once, and none gets an answer from before a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fabric.gate_world import (
    ALICE,
    BOB,
    ELSEWHERE,
    HOME,
    World,
    by_owner,
    make,
    particle,
    ping,
)
from hyperverse_core.contracts.policy import (
    Decision,
)
from hyperverse_core.contracts.registry import ChangeKind


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = make()
    yield world
    await world.gate.answers.close()


async def test_waves_at_once_ask_once_and_go_on_in_their_order(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    order: list[int] = []

    async def go(number: int) -> None:
        await world.gate.authorise(home, ping(ALICE, home, "Ext<A>" if number % 2 else "Ext<B>"))
        order.append(number)

    tasks = [asyncio.create_task(go(number)) for number in range(10)]
    await asyncio.sleep(0)
    world.policy.pause.set()
    await asyncio.gather(*tasks)
    assert order == list(range(10))
    assert world.asked == 1


async def test_an_answer_that_a_change_has_touched_meanwhile_is_not_kept(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    task = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    world.change(HOME)
    world.policy.pause.set()
    assert await task == 200
    assert home.allowed == {}
    await world.status(ALICE, home)
    assert world.asked == 2


async def test_an_answer_that_other_changes_have_passed_by_is_kept(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    task = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    for _ in range(100):
        world.change(ELSEWHERE, ChangeKind.DELETED)
    world.policy.pause.set()
    await task
    assert home.allowed == {ALICE.text: "x"}


@pytest.mark.parametrize("flood", [5000, 0], ids=["more changes than are remembered", "everything was dropped"])
async def test_what_cannot_be_told_counts_as_touched(world: World, flood: int) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    task = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    for _ in range(flood):
        world.change(ELSEWHERE)
    if not flood:
        world.gate.answers.lost()
    world.policy.pause.set()
    await task
    assert home.allowed == {}


async def test_whoever_asks_after_a_change_gets_no_answer_from_before_it(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    before = asyncio.create_task(world.status(BOB, home))
    await asyncio.sleep(0)
    answers = iter([by_owner, lambda request: Decision.allow("a grant", rests_on=frozenset({HOME}))])
    world.policy.answer = lambda request: next(answers)(request)
    world.change(HOME)
    after = asyncio.create_task(world.status(BOB, home))
    await asyncio.sleep(0)
    world.policy.pause.set()
    assert (await before, await after) == (403, 200)
    assert world.asked == 2


async def test_one_who_gives_up_does_not_leave_the_others_without_an_answer(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    first = asyncio.create_task(world.status(ALICE, home))
    second = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    world.policy.pause.set()
    assert await second == 200
