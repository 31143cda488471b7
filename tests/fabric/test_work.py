"""Work of a particle's own outlives the wave that began it, and ends with the particle."""

from __future__ import annotations

import asyncio

from hyperverse_core import Machine


async def test_work_goes_on_when_its_wave_is_over(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    client = machine.client()
    assert (await client.ping("localhost:a", "Ext<Begin>", {"to": "localhost:b", "seconds": 60.0}, wait=1.0)).ok
    await asyncio.sleep(61)
    assert await client.ask("localhost:b", "Ext<Seen>") == 1
    assert await client.ask("localhost:a", "Ext<Notes>") == [{"status": 200, "outcome": "ok", "body": []}]


async def test_work_waits_for_its_turn_in_its_own_particle(machine: Machine, world) -> None:
    await world("a<Relay>", "w<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Begin>", {"to": "localhost:a", "seconds": 1.0})
    body = {"to": "localhost:w", "method": "Ext<Work>", "body": {"seconds": 2.0}}
    busy = asyncio.ensure_future(client.ping("localhost:a", "Ext<Relay>", body))
    await asyncio.sleep(1.5)
    assert not busy.done()
    await busy
    assert await client.ask("localhost:a", "Ext<Seen>") == 1
    assert (await client.ask("localhost:a", "Ext<Notes>"))[0]["status"] == 200


async def test_work_has_deadlines_of_its_own(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>", "w<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Begin>", {"to": "localhost:b", "seconds": 1.0})
    body = {"to": "localhost:w", "method": "Ext<Work>", "body": {"seconds": 30.0}, "wait": 60.0}
    busy = asyncio.ensure_future(client.ping("localhost:b", "Ext<Relay>", body, wait=60.0))
    await asyncio.sleep(7)
    assert (await client.ask("localhost:a", "Ext<Notes>"))[0]["status"] == 408
    await busy


async def test_more_than_64_pieces_are_refused(machine: Machine, world) -> None:
    await world("a<Relay>")
    client = machine.client()
    assert (await client.ping("localhost:a", "Ext<Many>", {"count": 64})).ok
    reply = await client.ping("localhost:a", "Ext<Many>", {"count": 1})
    assert (reply.status, "64 background tasks" in reply.error) == (429, True)


async def test_work_ends_with_its_particle(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Begin>", {"to": "localhost:b", "seconds": 60.0})
    await client.exec("delete localhost:a")
    await asyncio.sleep(61)
    assert await client.ask("localhost:b", "Ext<Seen>") == 0


async def test_work_ends_when_a_handler_is_cut_off(machine: Machine, world) -> None:
    await world("a<Relay>", "b<Relay>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Begin>", {"to": "localhost:b", "seconds": 60.0})
    assert (await client.ping("localhost:a", "Ext<Hang>", wait=1.0)).status == 408
    assert await client.ask("localhost:a", "Ext<Seen>") == 0
    await asyncio.sleep(61)
    assert await client.ask("localhost:b", "Ext<Seen>") == 0
