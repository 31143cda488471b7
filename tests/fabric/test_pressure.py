"""Overload is answered, loops end, and what is sent again runs once."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from hyperverse_core import Config, Machine, Outcome
from hyperverse_core.config import Limits


async def test_more_waves_than_may_wait_are_answered_503(machine: Machine, world) -> None:
    await world("n<Narrow>")
    client = machine.client()
    sends = [client.ping("localhost:n", "Ext<Work>", {"seconds": 1.0}) for _ in range(10)]
    replies = await asyncio.gather(*sends)
    assert sorted(r.status for r in replies) == [200] * 4 + [503] * 6
    refused = next(r for r in replies if r.status == 503)
    assert refused.outcome is Outcome.REJECTED
    assert refused.body["retry_after"] > 0
    assert len(await client.ask("localhost:n", "Ext<Book>")) == 4


async def test_more_signals_than_may_wait_are_refused_too(machine: Machine, world) -> None:
    await world("n<Narrow>")
    client = machine.client()
    statuses = [(await client.signal("localhost:n", "Ext<Work>", {"seconds": 1.0})).status for _ in range(10)]
    assert statuses == [202] * 4 + [503] * 6


async def test_the_config_says_how_many_may_wait_where_the_driver_does_not(
    start_machine, machine_config: Config
) -> None:
    machine = await start_machine(config=attrs.evolve(machine_config, limits=Limits(mailbox=2)))
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:a<Worker>; create localhost:n<Narrow>")
    for name, places in (("a", 2), ("n", 3)):
        sends = [client.ping(f"localhost:{name}", "Ext<Work>", {"seconds": 1.0}) for _ in range(8)]
        assert [r.status for r in await asyncio.gather(*sends)].count(200) == places + 1


async def test_a_refused_wave_is_sent_again_and_says_how_often(machine: Machine, world) -> None:
    await world("n<Narrow>")
    client = machine.client()
    busy = [client.ping("localhost:n", "Ext<Work>", {"seconds": 0.1}) for _ in range(4)]
    patient = client.ping("localhost:n", "Ext<Work>", {"tag": "again"}, retries=10)
    *_, reply = await asyncio.gather(*busy, patient)
    assert reply.status == 200
    assert reply.receipt.attempts > 1
    assert (await client.ask("localhost:n", "Ext<Book>")).count("again") == 1


async def test_a_wave_is_not_sent_again_when_its_handler_has_answered(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    reply = await client.ping("localhost:a", "Ext<Refuse>", retries=5)
    assert (reply.status, reply.receipt.attempts) == (503, 1)
    assert await client.ask("localhost:a", "Ext<Get>") == 1


async def test_sending_again_ends_at_the_deadline(machine: Machine, world) -> None:
    await world("n<Narrow>")
    client = machine.client()
    busy = [client.ping("localhost:n", "Ext<Work>", {"seconds": 30.0}, wait=200.0) for _ in range(4)]
    tasks = [asyncio.ensure_future(send) for send in busy]
    await asyncio.sleep(0.1)
    begun = asyncio.get_running_loop().time()
    reply = await client.ping("localhost:n", "Ext<Get>", retries=1000, wait=3.0)
    assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)
    assert asyncio.get_running_loop().time() - begun == pytest.approx(3.0, abs=0.03)
    await asyncio.gather(*tasks)


async def test_particles_that_wait_for_one_another_without_end_are_stopped(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    reply = await machine.client().ping("localhost:a", "Ext<Forever>", {"to": "localhost:b"})
    assert reply.status == 508
    assert "32 handlers wait for one another" in reply.error


async def test_a_chain_of_the_allowed_length_is_no_loop(machine: Machine, world) -> None:
    await world(*(f"r{n}<Relay>" for n in range(32)))
    way = [f"localhost:r{n}" for n in range(32)]
    assert len(await machine.client().ask(way[0], "Ext<Round>", {"way": way[1:]})) == 32
    assert (await machine.client().ping(way[0], "Ext<Round>", {"way": [*way[1:], *way[:2]]})).status == 508


async def test_binds_that_send_a_wave_round_and_round_are_stopped(machine: Machine, world) -> None:
    await world()
    client = machine.client()
    for name, other in (("a", "b"), ("b", "a")):
        bind = f"'Bind(version=1.0.0) {{ Route<Ext<*>> -> localhost:{other} => &; }}'"
        assert (await client.exec(f"create localhost:{name}<Worker>{{ +bind={bind} }}"))[0].ok
    reply = await client.ping("localhost:a", "Ext<Get>")
    assert (reply.status, reply.outcome) == (508, Outcome.REJECTED)
    assert (await client.signal("localhost:a", "Ext<Get>")).status == 508


async def test_a_crowd_of_callers_on_one_particle_is_served_within_bounds(
    start_machine, machine_config: Config
) -> None:
    machine = await start_machine(config=attrs.evolve(machine_config, limits=Limits(waves=50)), plugins=())
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:c<Crowd>")
    statuses = [(await client.signal("localhost:c", "Ext<Work>", {"seconds": 1.0})).status for _ in range(100)]
    assert {202, 503} >= set(statuses)


async def test_a_handler_that_asks_again_and_again_lets_others_live(machine: Machine, world) -> None:
    await world("a<Worker>", "b<Crowd>")
    turns = 0

    async def live() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.ensure_future(live())
    client = machine.client()
    for _ in range(3000):
        await client.ask("localhost:b", "Cmd<Bounce>")
    other.cancel()
    assert turns > 20


async def test_a_sender_of_signals_that_never_waits_does_not_outrun_its_recipient(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    statuses = {(await client.signal("localhost:a", "Ext<Work>")).status for _ in range(10_000)}
    assert statuses == {202}
    assert len(await client.ask("localhost:a", "Ext<Book>")) == 10_000
