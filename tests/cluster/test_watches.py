"""Watchers: who watches a particle hears of its Log, State, Property and Child changes, wherever either lives."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import attrs
import pytest

from cluster.worlds import InProcess
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_core.testing.faulty_lane import FaultyHub


@attrs.define
class Watcher(Particle):
    """Watches, and keeps what it hears."""

    heard: list[dict[str, Any]] = attrs.field(factory=list)

    @handler("Ext<Begin>")
    async def begin(self, ctx: Ctx, point: str, aspects: list[str]) -> None:
        """Watches from now on."""
        reply = await ctx.on_behalf.ping("GLOBAL::machine", "Ext<Watch>", {"point": point, "aspects": aspects})
        reply.unwrap()

    @handler("Ext<End>")
    async def end(self, ctx: Ctx) -> None:
        """Watches nothing any more."""
        (await ctx.on_behalf.ping("GLOBAL::machine", "Ext<Unwatch>")).unwrap()

    @handler("Ext<Changed>")
    async def changed(self, ctx: Ctx, body: Any) -> None:
        """Something has changed."""
        self.heard.append(body)

    @handler("Ext<Heard>")
    async def list_all(self, ctx: Ctx) -> list[dict[str, Any]]:
        """What it has heard."""
        return self.heard


class WatcherDriver(Driver):
    kind = KindDef("Watcher", doc="Watches (for tests)")
    particle = Watcher


class Watching:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Watcher."""
        register(WatcherDriver)


async def prepared(world: InProcess) -> tuple[ClientApi, ClientApi]:
    """Two machines, a Tally and a Watcher."""
    world.plugins = (Watching(),)
    first, second = await world.start("first"), await world.start("second")
    await asyncio.sleep(1.0)
    client = first.client()
    for text in ("localhost<Space>", "localhost:watched<Tally>", "localhost:eye<Watcher>"):
        await client.exec(f"create {text}")
    return client, second.client()


async def heard(client: ClientApi) -> list[tuple[str, str]]:
    """Aspect and point of each change that was heard."""
    await asyncio.sleep(0.5)
    return [(entry["aspect"], entry["point"]) for entry in (await client.ping("localhost:eye", "Ext<Heard>")).unwrap()]


async def begin(client: ClientApi, *aspects: str) -> None:
    body = {"point": "localhost:watched", "aspects": list(aspects)}
    (await client.ping("localhost:eye", "Ext<Begin>", body)).unwrap()
    await asyncio.sleep(0.5)


async def test_all_four_aspects_are_heard(inside: InProcess) -> None:
    client, other = await prepared(inside)
    (await client.ping("localhost:watched", "Ext<Value>")).unwrap()
    await begin(client, "Log", "State", "Property", "Child")
    assert await heard(client) == []
    await other.ping("localhost:watched", "Ext<Add>")
    assert await heard(client) == [("State", "localhost:watched")]
    await other.ping("localhost:watched", "Ext<Say>", {"text": "hello"})
    assert (await heard(client))[1:] == [("Log", "localhost:watched")]
    await other.exec("create localhost:watched:child<Tally>")
    assert (await heard(client))[2:] == [("Child", "localhost:watched:child")]
    await other.exec("set localhost:watched{ +note=new }")
    assert (await heard(client))[3:] == [("Property", "localhost:watched")]


async def test_who_watches_a_particle_that_moves_goes_on_hearing(inside: InProcess) -> None:
    client, other = await prepared(inside)
    first = (await client.ping("localhost:watched", "Ext<Value>")).star
    eye = (await client.ping("localhost:eye", "Ext<Heard>")).star
    await begin(client, "State", "Log")
    rows = {row["star"]: row["machine"] for row in await client.stars()}
    machine = rows[first]
    drained = client if machine == "first" else other
    assert (await drained.ping("GLOBAL::machine", "Ext<Drain>")).ok
    moved = await client.ping("localhost:watched", "Ext<Add>")
    assert rows[moved.star] != machine, eye
    await asyncio.sleep(0.5)
    before = len(await heard(client))
    await client.ping("localhost:watched", "Ext<Add>")
    await client.ping("localhost:watched", "Ext<Say>", {"text": "moved"})
    assert sorted((await heard(client))[before:]) == [("Log", "localhost:watched"), ("State", "localhost:watched")]


async def machine_of(client: ClientApi, point: str) -> str:
    """Name of the machine that a particle lives on."""
    star = (await client.ping(point, "Cmd<Bounce>")).star
    return next(row["machine"] for row in await client.stars() if row["star"] == star)


async def change_all(client: ClientApi, number: int) -> list[tuple[str, str]]:
    """Changes every aspect once; what is to be heard of it, in the order of the alphabet."""
    (await client.ping("localhost:watched", "Ext<Add>")).unwrap()
    (await client.ping("localhost:watched", "Ext<Say>", {"text": "hello"})).unwrap()
    for text in (f"set localhost:watched{{ +note={number} }}", f"create localhost:watched:child{number}<Tally>"):
        await client.exec(text)
    watched = "localhost:watched"
    return [("Child", f"{watched}:child{number}"), ("Log", watched), ("Property", watched), ("State", watched)]


@pytest.mark.parametrize("watched", [True, False], ids=["what is watched moves", "who watches moves"])
async def test_all_four_aspects_are_heard_after_a_move_and_after_the_old_machine_has_stopped(
    inside: InProcess, watched: bool
) -> None:
    await prepared(inside)
    client = inside.running["first"].client()
    moving = "localhost:watched" if watched else "localhost:eye"
    await client.ping("localhost:watched", "Ext<Add>")
    await begin(client, "Log", "State", "Property", "Child")
    old = await machine_of(client, moving)
    new = "second" if old == "first" else "first"
    client = inside.running[new].client()
    (await client.ping(f"<<STAR::machine:{old}[0]>>::star", "Cmd<Bounce>")).unwrap()
    (await inside.running[old].client().ping("GLOBAL::machine", "Ext<Drain>")).unwrap()
    for number in range(2):
        assert await machine_of(client, moving) == new
        await heard(client)
        await asyncio.sleep(3.0)  # a watch of log lines is renewed every two seconds
        before = len(await heard(client))
        expected = await change_all(client, number)
        assert sorted((await heard(client))[before:]) == expected
        if not number:
            await inside.running[old].stop()
    (await client.ping("localhost:eye", "Ext<End>")).unwrap()
    before = len(await heard(client))
    await change_all(client, 3)
    assert len(await heard(client)) == before  # nothing is left of the watch where it began


async def test_what_the_first_wave_after_a_move_changes_is_heard(inside: InProcess) -> None:
    await prepared(inside)
    client = inside.running["first"].client()
    (await client.ping("localhost:watched", "Ext<Add>")).unwrap()
    await begin(client, "State", "Log")
    homes = set()
    for _ in range(20):
        old = await machine_of(client, "localhost:watched")
        homes.add(old)
        hosting = list(inside.running[old].parts.homes.values())
        for one in hosting:
            await one.send_away([live for text, live in one.active.items() if text == "localhost:watched"], 1.0)
        await asyncio.sleep(1.0)
        before = len(await heard(client))
        (await client.ping("localhost:watched", "Ext<Say>", {"text": "here again"})).unwrap()
        (await client.ping("localhost:watched", "Ext<Add>")).unwrap()
        assert sorted((await heard(client))[before:]) == [("Log", "localhost:watched"), ("State", "localhost:watched")]
    assert len(homes) == 2


async def test_a_particle_that_watches_and_its_machine_stops_goes_on_hearing(inside: InProcess) -> None:
    await prepared(inside)
    client = inside.running["first"].client()
    await client.ping("localhost:watched", "Ext<Add>")
    await begin(client, "Property", "Child")
    old = await machine_of(client, "localhost:eye")
    other = inside.running["second" if old == "first" else "first"].client()
    await inside.running[old].stop()
    before = len(await heard(other))
    await other.exec("set localhost:watched{ +note=still }")
    assert (await heard(other))[before:] == [("Property", "localhost:watched")]


async def test_a_particle_that_watches_and_moves_hears_without_the_machine_where_it_began(inside: InProcess) -> None:
    hub = inside.hub = FaultyHub(random.Random(1))
    await prepared(inside)
    client = inside.running["first"].client()
    await client.ping("localhost:watched", "Ext<Add>")
    await begin(client, "Property")
    old = await machine_of(client, "localhost:eye")
    new = inside.running["second" if old == "first" else "first"].client()
    (await inside.running[old].client().ping("GLOBAL::machine", "Ext<Drain>")).unwrap()
    assert await machine_of(new, "localhost:eye") != old
    await asyncio.sleep(1.0)
    hub.cut("first", "second")
    await new.exec("set localhost:watched{ +note=still }")
    assert await heard(new) == [("Property", "localhost:watched")]


async def test_an_aspect_that_does_not_exist_is_refused(inside: InProcess) -> None:
    client, _ = await prepared(inside)
    body = {"point": "localhost:watched", "aspects": ["Stat"]}
    reply = await client.ping("localhost:eye", "Ext<Begin>", body)
    assert reply.status == 400
    assert "State" in reply.error


async def test_who_does_not_want_to_watch_any_more_hears_nothing(inside: InProcess) -> None:
    client, _ = await prepared(inside)
    await begin(client, "State")
    (await client.ping("localhost:eye", "Ext<End>")).unwrap()
    await client.ping("localhost:watched", "Ext<Add>")
    assert await heard(client) == []
