"""What anybody writes into the registry is dropped from every cache of the machine."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Kind, Machine, Outcome, Point, Registration
from hyperverse_core.contracts.registry import Strategy
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.kind_defs.properties import SetProperty

A = Point.parse("localhost:a")


async def test_a_particle_that_is_deleted_elsewhere_is_gone_here(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Add>")
    await machine.registry.delete([A])
    await asyncio.sleep(0.1)
    assert (await client.ping("localhost:a", "Ext<Get>")).status == 404


async def test_a_particle_that_is_replaced_elsewhere_is_new_here(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Add>")
    await machine.registry.register(Registration(A, Kind("Relay"), HYPERUSER, strategy=Strategy.OVERRIDE))
    await asyncio.sleep(0.1)
    assert (await client.ping("localhost:a", "Ext<Get>")).status == 404
    assert await client.ask("localhost:a", "Ext<Seen>") == 0


async def test_a_particle_that_is_taken_away_cannot_write_any_more(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Add>")
    held = (await machine.registry.record(A)).assignment
    assert held is not None
    other = next(s for s in machine.parts.homes.values() if s.can_host("Worker") and s.star.key != held.star)
    writing = asyncio.ensure_future(client.ping("localhost:a", "Ext<Work>", {"seconds": 1.0}))
    await asyncio.sleep(0.1)
    await machine.registry.assign(A, other.star.key, other.star.incarnation, held)
    await writing
    assert await client.ask("localhost:a", "Ext<Add>") == 2


async def test_a_save_that_comes_too_late_writes_nothing_and_says_so(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    await client.ask("localhost:a", "Ext<Get>")
    held = (await machine.registry.record(A)).assignment
    assert held is not None
    await machine.registry.release([(A, held)])
    reply = await client.ping("localhost:a", "Ext<Add>")  # the feed has had no time
    assert (reply.status, reply.outcome) == (503, Outcome.FAILED)
    assert await client.ask("localhost:a", "Ext<Get>") == 0
    assert (await client.ping("localhost:a", "Ext<Add>")).body == 1


async def test_an_own_save_does_not_throw_the_particle_out(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    for number in range(5):
        assert await client.ask("localhost:a", "Ext<Work>", {"tag": str(number)}) == str(number)
        await client.ask("localhost:a", "Ext<Add>")
        await asyncio.sleep(0.5)
    assert len(await client.ask("localhost:a", "Ext<Book>")) == 5


@pytest.mark.parametrize("alive", [True, False])
async def test_properties_that_are_set_elsewhere_are_seen_here(machine: Machine, world, alive: bool) -> None:
    await world("a<Worker>")
    client = machine.client()
    if alive:
        await client.ask("localhost:a", "Ext<Get>")
    await machine.registry.set_properties([A], [SetProperty("note", "from afar")])
    await asyncio.sleep(0.1)
    assert (await client.exec("get localhost:a{ note }"))[0].body == {"note": "from afar"}


async def test_when_entries_were_lost_everything_cached_is_dropped(start_machine, machine_config) -> None:
    from hyperverse_core.testing import MemoryRegistry

    registry = MemoryRegistry(feed=5)
    machine = await start_machine(registry=registry)
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:a<Worker>; create localhost:b<Worker>")
    await client.ask("localhost:a", "Ext<Add>")
    await registry.delete([A])
    for number in range(20):
        await registry.set_properties([Point.parse("localhost:b")], [SetProperty("note", str(number))])
    await asyncio.sleep(0.1)
    assert (await client.ping("localhost:a", "Ext<Get>")).status == 404


async def test_others_are_told_of_no_more_than_was_read(
    machine: Machine, world, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(machine.parts.feed, "announce", told.append)
    await world("a<Worker>")
    ahead = await machine.registry.revision() + 2
    monkeypatch.setattr(machine.registry, "committed", ahead)  # as while a commit is under way
    for number in range(3):
        await machine.registry.set_properties([A], [SetProperty("note", str(number))])
        await asyncio.sleep(0.1)
    assert told == [ahead - 1, ahead]


async def test_a_particle_belongs_to_whom_another_machine_has_given_it(machine: Machine, world) -> None:
    await world("a<Worker>", "users<UserBase<Keycloak>>")
    await machine.client().exec("create localhost:users:ann<User>")
    ann = machine.client(agent="localhost:users:ann")
    assert not (await ann.ping(A, "Ext<Get>")).ok
    await machine.registry.chown([A], Point.parse("localhost:users:ann"))
    await asyncio.sleep(0.1)
    assert (await ann.ping(A, "Ext<Get>")).status == 200
