"""A wave is answered in time, and nobody works on for somebody who has gone."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperverse_core import Machine, Outcome
from hyperverse_core.errors import TimedOut
from thoroughness import examples

_NUMBERS = itertools.count()


async def test_a_ping_nobody_answers_times_out(machine: Machine, constellation, clock) -> None:
    with clock.autojump():
        echo, mute = await constellation("echo", "mute")
        begun = clock.now
        with pytest.raises(TimedOut, match="after 2 s"):
            await echo.ping(mute.point, "Ext<Hello>", wait=2.0)
        assert clock.now - begun == pytest.approx(2.0, abs=0.03)
        await machine.stop()  # while time moves


async def test_the_outcome_of_a_wave_that_was_not_answered_is_unknown(machine: Machine, world) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=1.5)
    assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)


async def test_a_handler_is_cut_off_when_nobody_waits_any_more(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ping("localhost:a", "Ext<Work>", {"seconds": 60.0}, wait=1.0)
    begun = asyncio.get_running_loop().time()
    assert (await client.ping("localhost:a", "Ext<Get>")).ok
    assert asyncio.get_running_loop().time() - begun < 1.0


async def test_what_a_cut_off_handler_has_not_saved_is_never_seen(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Add>", {"by": 5})
    cut = client.ping("localhost:a", "Ext<Spoil>", {"by": 100, "seconds": 60.0}, wait=1.0)
    after = client.ping("localhost:a", "Ext<Get>", wait=30.0)
    read = client.ping("localhost:a", "Cmd<Read>", wait=30.0)
    replies = await asyncio.gather(cut, after, read)
    assert [r.status for r in replies] == [408, 200, 200]
    assert replies[1].body == 5
    assert replies[2].body["value"] == 5


async def test_an_outer_handler_cannot_save_what_an_inner_one_was_cut_off_in(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    client = machine.client()
    reply = await client.ping("localhost:a", "Ext<Spoil>", {"through": "localhost:b", "save": True})
    assert (reply.status, reply.outcome) == (409, Outcome.FAILED)
    assert "was cancelled" in reply.error
    assert await client.ask("localhost:a", "Ext<Seen>") == 0


async def test_a_handler_goes_on_when_its_inner_one_was_cut_off(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    client = machine.client()
    body = await client.ask("localhost:a", "Ext<Spoil>", {"through": "localhost:b", "save": False})
    assert body["status"] == 408
    assert await client.ask("localhost:a", "Ext<Seen>") == 0  # it began again from what was saved


async def test_a_chain_inherits_the_time_that_is_left(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>", "c<Worker>")
    client = machine.client()
    body = {"to": "localhost:b", "method": "Ext<Remaining>", "wait": 60.0}
    inner = await client.ping("localhost:a", "Ext<Relay>", body, wait=4.0)
    assert inner.body["body"] == pytest.approx(4.0, abs=0.03)
    hang = {"to": "localhost:c", "method": "Ext<Work>", "body": {"seconds": 60.0}, "wait": 60.0}
    begun = asyncio.get_running_loop().time()
    outer = await client.ping("localhost:a", "Ext<Relay>", hang, wait=3.0)
    assert outer.status == 408
    assert asyncio.get_running_loop().time() - begun == pytest.approx(3.0, abs=0.03)
    assert await client.ask("localhost:c", "Ext<Book>") == []  # it was cut off too


async def test_an_inner_deadline_that_is_shorter_is_told_to_the_one_who_set_it(machine: Machine, world) -> None:
    await world("a<Relay>", "c<Worker>")
    hang = {"to": "localhost:c", "method": "Ext<Work>", "body": {"seconds": 60.0}, "wait": 1.0}
    reply = await machine.client().ping("localhost:a", "Ext<Relay>", hang, wait=5.0)
    assert (reply.status, reply.body["status"], reply.body["outcome"]) == (200, 408, "unknown")


async def test_one_who_gives_up_waiting_for_a_turn_frees_its_place(machine: Machine, world) -> None:
    await world("n<Narrow>")
    client = machine.client()
    busy = asyncio.ensure_future(client.ping("localhost:n", "Ext<Work>", {"seconds": 10.0}, wait=20.0))
    await asyncio.sleep(0)
    late = [client.ping("localhost:n", "Ext<Get>", wait=1.0) for _ in range(3)]
    assert [r.status for r in await asyncio.gather(*late)] == [408] * 3
    patient = [client.ping("localhost:n", "Ext<Get>", wait=30.0) for _ in range(3)]
    assert [r.status for r in await asyncio.gather(*patient)] == [200] * 3
    assert (await busy).status == 200


async def test_a_caller_who_is_cancelled_takes_the_handler_with_it(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    task = asyncio.ensure_future(client.ping("localhost:a", "Ext<Spoil>", {"by": 9, "seconds": 60.0}))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await client.ask("localhost:a", "Ext<Get>") == 0


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
async def test_whatever_is_cut_off_when_only_what_was_saved_is_ever_seen(seed: int, machine: Machine, world) -> None:
    chance = random.Random(seed)
    name = f"t{next(_NUMBERS)}"  # a seed may come twice
    target = f"localhost:{name}"
    await world(f"{name}<Worker>")
    client = machine.client()
    acknowledged: list[int] = []

    async def add() -> None:
        reply = await client.ping(target, "Ext<Add>", wait=1000.0)
        assert reply.ok, reply
        acknowledged.append(reply.body)

    async def spoil() -> None:
        body = {"by": 10_000, "seconds": 500.0}
        if chance.random() < 0.5:
            assert (await client.ping(target, "Ext<Spoil>", body, wait=chance.uniform(0.1, 5.0))).status == 408
            return
        task = asyncio.ensure_future(client.ping(target, "Ext<Spoil>", body, wait=100.0))
        await asyncio.sleep(chance.uniform(0.0, 5.0))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def look() -> None:
        reply = await client.ping(target, chance.choice(["Ext<Get>", "Cmd<Read>"]), wait=1000.0)
        value = reply.body if isinstance(reply.body, int) else reply.body["value"]
        assert value < 10_000

    async def leave() -> None:
        live = machine.parts.places.known.get(target)
        if live is not None:
            await machine.parts.homes[live.star.key].passivate([live], 1.0)

    doing = []
    for _ in range(20):
        doing.append(asyncio.ensure_future(chance.choice([add, add, spoil, spoil, look, leave])()))
        await asyncio.sleep(chance.choice([0.0, 0.0, 0.5, 3.0]))
    await asyncio.gather(*doing)
    assert sorted(acknowledged) == list(range(1, len(acknowledged) + 1))
    assert await client.ask(target, "Ext<Get>") == len(acknowledged)
