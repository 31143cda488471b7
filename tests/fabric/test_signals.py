"""A Signal is accepted or refused; nobody waits for what its handler makes of it."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Machine, Outcome


async def test_a_signal_is_accepted_and_handled_later(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    reply = await client.signal("localhost:a", "Ext<Work>", {"tag": "x", "seconds": 1.0})
    assert (reply.status, reply.outcome, reply.body) == (202, Outcome.OK, None)
    assert await client.ask("localhost:a", "Ext<Book>") == ["x"]


async def test_a_signal_that_does_not_fit_is_refused_at_once(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    assert (await client.signal("localhost:nobody", "Ext<Work>")).status == 404
    assert (await client.signal("localhost:a", "Ext<Unknown>")).status == 404
    assert (await client.signal("localhost:a", "Ext<Add>", {"by": "x"})).status == 400
    assert (await client.signal("localhost:a", "Cmd<Bounce>")).status == 202


async def test_what_the_handler_of_a_signal_raises_is_logged(machine: Machine, world, caplog) -> None:
    await world("a<Worker>")
    client = machine.client()
    assert (await client.signal("localhost:a", "Ext<Fail>")).status == 202
    assert (await client.ping("localhost:a", "Ext<Get>")).ok
    assert "a secret of the handler" in caplog.text


async def test_a_signal_that_its_handler_refuses_is_logged_for_nobody_else_is_told(
    machine: Machine, world, caplog
) -> None:
    await world("a<Worker>")
    client = machine.client()
    assert (await client.signal("localhost:a", "Ext<Refuse>")).status == 202
    assert (await client.ping("localhost:a", "Ext<Get>")).ok
    assert "signal Ext<Refuse> to localhost:a: not today" in caplog.text


async def test_signals_to_a_concurrent_particle_are_handled_at_once(machine: Machine, world) -> None:
    await world("c<Crowd>")
    client = machine.client()
    for _ in range(5):
        assert (await client.signal("localhost:c", "Ext<Work>", {"seconds": 5.0})).status == 202
    assert await client.ask("localhost:c", "Ext<Work>", {"seconds": 1.0}) == 6


async def test_a_signal_that_waits_while_its_particle_leaves_memory_follows_it(machine: Machine, world) -> None:
    await world("l<Lively>")
    client = machine.client()
    await client.ask("localhost:l", "Ext<Get>")
    live = machine.parts.places.known["localhost:l"]
    leaving = asyncio.ensure_future(machine.parts.homes[live.star.key].passivate([live], 1.0))
    await asyncio.sleep(0)
    assert (await client.signal("localhost:l", "Ext<Set>", {"to": 7})).status == 202
    await leaving
    values = [(await client.ask("localhost:l", "Ext<Get>"))[0] for _ in range(300)]
    assert values[-1] == 7


async def test_a_signal_through_a_bind_is_refused_where_the_bind_refuses_it(machine: Machine, world) -> None:
    await world("t<Taker>")
    client = machine.client()
    bind = "'Bind(version=1.0.0) { Route<Ext<Note>> -[ Text ]-> localhost:t => &; }'"
    assert (await client.exec(f"create localhost:b<Worker>{{ +bind={bind} }}"))[0].ok
    assert (await client.signal("localhost:b", "Ext<Note>", {"a": 1})).status == 400
    assert (await client.signal("localhost:b", "Ext<Other>")).status == 404
    assert (await client.signal("localhost:b", "Ext<Note>", "text")).status == 202


async def test_a_signal_that_waits_for_a_look_up_of_another_is_refused_when_the_machine_stops(
    machine: Machine, world, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world("a<Worker>")

    async def never(*args: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(machine.registry, "records", never)
    client = machine.client()
    first = asyncio.ensure_future(client.ping("localhost:a", "Ext<Get>"))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(client.signal("localhost:a", "Ext<Work>"))
    await asyncio.sleep(0)
    first.cancel()
    await machine.stop()
    async with asyncio.timeout(1.0):
        reply = await second
    assert (reply.status, reply.outcome, reply.error) == (503, Outcome.REJECTED, "this machine is stopping")
