"""Watching a particle with ``async for``, over a socket and inside of the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hyperverse_core import Client, Machine, ParticleChange, Point, Watchers
from hyperverse_core.client.api import ClientApi
from hyperverse_core.client.watching import ChangeWatch
from hyperverse_core.errors import BadRequest, NotFound, Unavailable
from patience import PATIENCE

PROBE = "localhost:probe"


@pytest.fixture(params=["outside", "inside"])
async def any_client(request: pytest.FixtureRequest, machine: Machine, data_dir: Any) -> AsyncIterator[ClientApi]:
    if request.param == "inside":
        async with machine.client() as inside:
            yield inside
    else:
        async with Client.connect(data_dir) as outside:
            yield outside


async def first(changes: ChangeWatch, *, aspect: str = "", change: str = "") -> ParticleChange:
    """The next change, of that aspect, with that text."""
    async with asyncio.timeout(PATIENCE):
        async for found in changes:
            if found.aspect == (aspect or found.aspect) and found.change == (change or found.change):
                return found
    raise AssertionError("the watch has ended")


async def test_changes_are_seen_as_they_happen(machine: Machine, any_client: ClientApi) -> None:
    async with any_client.watch(PROBE) as changes:
        await machine.client().set(PROBE, {"title": "new"})
        assert (await first(changes, aspect="Property")).point.text == PROBE
        await machine.client().create(f"{PROBE}:child", "Base")
        child = await first(changes, aspect="Child")
        assert (child.watched.text, child.point.text, child.change) == (PROBE, f"{PROBE}:child", "registered")
        assert not child.missed


async def test_a_change_has_the_value_after_it_when_values_are_asked_for(
    machine: Machine, any_client: ClientApi
) -> None:
    async with any_client.watch(PROBE, values=True) as changes, any_client.watch(PROBE) as without:
        await machine.client().set(PROBE, {"title": "new"})
        assert (await first(changes, aspect="Property")).value == {"title": "new"}
        assert (await first(without, aspect="Property")).value is None
        await machine.client().delete(PROBE)
        assert (await first(changes, change="deleted")).value is None


async def test_a_loop_without_a_block_watches_and_ends_with_the_loop(machine: Machine, any_client: ClientApi) -> None:
    async def change_until(seen: asyncio.Event) -> None:
        number = 0
        while not seen.is_set():
            await machine.client().set(PROBE, {"title": str(number := number + 1)})
            await asyncio.sleep(0.02)

    seen = asyncio.Event()
    changing = asyncio.create_task(change_until(seen))
    async for change in any_client.watch(PROBE, "Property"):
        assert change.aspect == "Property"
        break
    seen.set()
    await changing
    everybody = Watchers(Point.parse(PROBE), "Property")
    async with asyncio.timeout(PATIENCE):
        while await machine.client().ripple(everybody, "Cmd<Bounce>"):  # the end of the loop ends the watch
            await machine.client().ping(PROBE, "Ext<Runs>")


async def test_each_watch_of_a_client_gets_its_own(machine: Machine, any_client: ClientApi) -> None:
    await machine.client().create("localhost:other", "Probe")
    async with any_client.watch(PROBE, "Property") as one, any_client.watch("localhost:other", "Property") as other:
        async with any_client.watch(PROBE, "Property", "Child") as third:
            await machine.client().set(PROBE, {"title": "a"})
            assert (await first(one)).point.text == (await first(third)).point.text == PROBE
        await machine.client().set(PROBE, {"title": "b"})  # the end of one is not the end of another
        assert (await first(one)).point.text == PROBE
        await machine.client().set("localhost:other", {"title": "c"})
        assert (await first(other)).point.text == "localhost:other"


async def test_the_deletion_of_what_is_watched_is_told_once(machine: Machine, any_client: ClientApi) -> None:
    async with any_client.watch(PROBE, "State", "Property") as changes:
        await machine.client().delete(PROBE)
        gone = await first(changes)
        assert (gone.point.text, gone.change) == (PROBE, "deleted")
        await machine.client().create(PROBE, "Probe")
        await machine.client().set(PROBE, {"title": "again"})
        assert (await first(changes)).change != "deleted"


async def test_what_cannot_be_watched_is_refused(any_client: ClientApi) -> None:
    with pytest.raises(BadRequest, match=r"aspects contain 'Stat'; did you mean 'State'"):
        any_client.watch(PROBE, "Stat")
    with pytest.raises(BadRequest, match="point is None"):
        any_client.watch(None)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(NotFound):
        async for _ in any_client.watch("localhost:nobody"):
            pass
    with pytest.raises(BadRequest, match="async for"):
        for _ in any_client.watch(PROBE):  # type: ignore[attr-defined]  # on purpose
            pass


async def test_a_slow_reader_is_told_that_it_has_missed_something(any_client: ClientApi, machine: Machine) -> None:
    async with any_client.watch(PROBE, "Property") as changes:
        for _ in range(10_001):
            changes.put(ParticleChange(changes.point, "Property", changes.point, "properties"))
        assert (await first(changes)).missed


async def test_a_watch_inside_ends_with_the_machine(machine: Machine) -> None:
    async with machine.client().watch(PROBE) as changes:
        await machine.stop()
        with pytest.raises(Unavailable, match="has stopped"):
            await first(changes, aspect="nothing")


async def test_a_watch_ends_with_its_client(any_client: ClientApi) -> None:
    async with any_client.watch(PROBE) as changes:
        await any_client.close()  # type: ignore[attr-defined]  # both have it
        assert [change async for change in changes] == []


async def test_clients_inside_have_surfaces_of_their_own(machine: Machine) -> None:
    async with machine.client() as one, machine.client() as other:
        assert one.surface != other.surface
        one.on_wave(lambda wave: {"got": wave.body})
        assert await other.ask(one.surface.point, "Ext<Hello>", 5) == {"got": 5}
        assert (await other.ping(one.surface.point, "Cmd<Bounce>")).ok
        assert (await one.ping(other.surface.point, "Ext<Hello>")).status == 404
        assert (await one.ask(PROBE, "Ext<Who>"))["sender"] == one.surface.point.text
        gone = one.surface.point
    assert (await machine.client().ping(gone, "Ext<Hello>")).status == 404
