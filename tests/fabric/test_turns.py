"""A particle handles one wave at a time, in the order of arrival; its own call chain may come back to it."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperverse_core import Machine
from hyperverse_core.fabric.particles.mailbox import Mailbox
from thoroughness import examples

_NUMBERS = itertools.count()


async def test_waves_are_handled_one_at_a_time(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    replies = await asyncio.gather(*(client.ping("localhost:a", "Ext<Work>", {"seconds": 0.1}) for _ in range(20)))
    assert all(reply.ok for reply in replies)
    assert await client.ask("localhost:a", "Ext<Most>") == 1


async def test_a_concurrent_particle_handles_many(machine: Machine, world) -> None:
    await world("c<Crowd>")
    client = machine.client()
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(client.ping("localhost:c", "Ext<Work>", {"seconds": 1.0}) for _ in range(20)))
    assert await client.ask("localhost:c", "Ext<Work>") == 20
    assert asyncio.get_running_loop().time() - begun < 1.5


@pytest.mark.parametrize("cold", [True, False])
async def test_waves_of_one_sender_arrive_in_the_order_they_were_sent(machine: Machine, world, cold: bool) -> None:
    await world("a<Relay>", "b<Worker>")
    client = machine.client()
    if not cold:
        await client.ask("localhost:b", "Ext<Get>")
    statuses = await client.ask("localhost:a", "Ext<Burst>", {"to": "localhost:b", "count": 100})
    assert set(statuses) == {200, 202}
    assert await client.ask("localhost:b", "Ext<Book>") == [str(n) for n in range(100)]


async def test_a_late_wave_does_not_overtake_those_that_wait_for_a_cold_start(machine: Machine, world) -> None:
    await world("b<Worker>")
    client = machine.client()
    tasks = []
    for number in range(30):  # one in each turn of the loop, while the particle is found, authorised and started
        tasks.append(asyncio.ensure_future(client.ping("localhost:b", "Ext<Work>", {"tag": str(number)})))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert await client.ask("localhost:b", "Ext<Book>") == [str(n) for n in range(30)]


async def test_two_particles_that_call_each_other_do_not_block(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>", "c<Relay>")
    way = ["localhost:b", "localhost:a", "localhost:c", "localhost:b", "localhost:a"]
    passed = await machine.client().ask("localhost:a", "Ext<Round>", {"way": way}, wait=2.0)
    assert passed == ["localhost:a", *way]
    assert await machine.client().ask("localhost:a", "Ext<Seen>") == 3


async def test_a_particle_that_calls_itself_does_not_block(machine: Machine, world) -> None:
    await world("a<Relay>")
    assert len(await machine.client().ask("localhost:a", "Ext<Round>", {"way": ["localhost:a"] * 5}, wait=2.0)) == 6


async def test_others_wait_while_a_chain_comes_back(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Worker>")
    client = machine.client()
    slow = {"to": "localhost:b", "method": "Ext<Work>", "body": {"seconds": 1.0}}
    first = asyncio.ensure_future(client.ping("localhost:a", "Ext<Relay>", slow))
    await asyncio.sleep(0.1)
    begun = asyncio.get_running_loop().time()
    assert await client.ask("localhost:a", "Ext<Seen>") == 0
    assert asyncio.get_running_loop().time() - begun == pytest.approx(0.9, abs=0.01)
    await first


async def test_two_chains_that_meet_head_on_end_by_their_deadlines(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    client = machine.client()
    there = client.ping("localhost:a", "Ext<Round>", {"way": ["localhost:b"]}, wait=2.0)
    back = client.ping("localhost:b", "Ext<Round>", {"way": ["localhost:a"]}, wait=2.0)
    assert all(reply.status in (200, 408, 500) for reply in await asyncio.gather(there, back))
    assert (await client.ping("localhost:a", "Ext<Seen>")).ok


async def test_a_signal_and_a_ping_of_one_sender_keep_their_order_through_a_bind(machine: Machine, world) -> None:
    await world("a<Relay>")
    client = machine.client()
    bind = "'Bind(version=1.0.0) { Route<Ext<*>> -> (()) => &; }'"
    assert (await client.exec(f"create localhost:b<Worker>{{ +bind={bind} }}"))[0].ok
    await client.ask("localhost:a", "Ext<Burst>", {"to": "localhost:b", "count": 40})
    assert await client.ask("localhost:b", "Ext<Book>") == [str(n) for n in range(40)]


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
async def test_whatever_the_interleaving_one_at_a_time_in_order_and_each_answered_once(
    seed: int, machine: Machine, world
) -> None:
    chance = random.Random(seed)
    target = f"t{next(_NUMBERS)}"  # a seed may come twice
    await world(f"{target}<Worker>")
    client = machine.client()

    async def sender(name: str) -> dict[str, int]:
        sends = []
        for number in range(chance.randrange(1, 12)):
            body = {"tag": f"{name}-{number}", "turns": chance.randrange(3)}
            send = chance.choice([client.ping, client.ping, client.signal])
            sends.append(asyncio.ensure_future(send(f"localhost:{target}", "Ext<Work>", body)))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        replies = await asyncio.gather(*sends)
        assert all(reply.status in (200, 202) for reply in replies)
        return {name: len(sends)}

    counts: dict[str, int] = {}
    for found in await asyncio.gather(*(sender(f"s{n}") for n in range(4))):
        counts |= found
    book = await client.ask(f"localhost:{target}", "Ext<Book>")
    assert await client.ask(f"localhost:{target}", "Ext<Most>") == 1
    for name, count in counts.items():
        assert [tag for tag in book if tag.startswith(f"{name}-")] == [f"{name}-{n}" for n in range(count)]


@settings(max_examples=examples(40), deadline=None)
@given(seed=st.integers(0, 2**32))
async def test_no_turn_is_lost_when_those_who_wait_are_cancelled_at_random(seed: int) -> None:
    chance = random.Random(seed)
    box = Mailbox(100)
    inside = 0

    async def visit() -> None:
        nonlocal inside
        if box.busy:
            await box.turn()
        else:
            box.busy = True
        try:
            inside += 1
            assert inside == 1
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            inside -= 1
            box.leave()

    tasks = []
    for _ in range(30):
        tasks.append(asyncio.ensure_future(visit()))
        if chance.random() < 0.4:
            chance.choice(tasks).cancel()
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not [t for t in tasks if not t.cancelled() and t.exception()]
    assert not box.busy
    assert len(box) == 0
