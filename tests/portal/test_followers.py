"""A page of a particle follows changes of that particle, and of no other; pages of other sites follow nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hyperverse_portal.followers import Followers
from hyperverse_portal.settings import PortalSettings
from portal.bookshop import World, bookshop
from portal.web import Browser, Stream, ask

HERE = {"host": "books.example", "origin": "null", "sec-fetch-site": "cross-site"}
"""What a browser says for a script in a page of the particle."""


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path, anonymous=True) as made:
        await made.machine.client().exec("create localhost:other<Shelf>")
        await everybody(made, "localhost:books")
        yield made


async def everybody(world: World, point: str) -> None:
    await world.machine.client().exec(f"grant perm +csd-RwX on {point} to hyperspace:users:anonymous")


async def word_of(world: World, host: str = "books.example") -> str:
    """What the particle is told when a browser asks for a page."""
    seen = await ask(world.address, "GET", "/seen", token=world.token, host=host, accept="text/html,*/*;q=0.8")
    word: str = seen.json["hyperverse-follow"]
    return word


async def test_a_page_that_knows_the_word_is_told_changes_of_its_particle(world: World) -> None:
    query = f"aspect=State&follow={await word_of(world)}"
    async with Stream(world.address, query, "", **HERE) as stream:
        assert (stream.status, stream.got["access-control-allow-origin"]) == (200, "null")
        for title in ("Emma", "Persuasion"):
            path = "/-/api/ping/localhost:books/Ext<Put>"
            assert (await ask(world.address, "POST", path, token=world.token, body={"title": title})).status == 200
        name, change = await anext(stream.events())
        assert (name, change["point"]) == ("state", "localhost:books")


async def test_a_page_that_comes_back_is_told_that_it_may_have_missed_something(world: World) -> None:
    query = f"aspect=State&follow={await word_of(world)}"
    async with Stream(world.address, query, "", **HERE, **{"last-event-id": "3"}) as stream:
        assert await anext(stream.events()) == ("missed", {})


@pytest.mark.parametrize("word", ["", "wrong", "%C3%A9"])
async def test_no_other_page_follows_anything(world: World, word: str) -> None:
    path = f"/-/events?aspect=State&point=localhost:books&follow={word}"
    got = await ask(world.address, "GET", path, **HERE)
    assert got.status == 403 and "access-control-allow-origin" not in got.headers
    without = await ask(world.address, "GET", "/-/events?aspect=State&point=nowhere", **HERE)
    assert without.status in (403, 404) and "access-control-allow-origin" not in without.headers


async def test_the_word_of_one_particle_is_none_of_another(world: World) -> None:
    await everybody(world, "localhost:other")
    path = f"/-/events?aspect=State&point=localhost:other&follow={await word_of(world)}"
    got = await ask(world.address, "GET", path, **{**HERE, "host": "localhost"})
    assert got.status == 403
    async with Stream(world.address, path.partition("?")[2], "", **HERE) as stream:  # naming another changes nothing
        path = "/-/api/ping/localhost:other/Ext<Put>"
        assert (await ask(world.address, "POST", path, token=world.token, body={"title": "Emma"})).status == 200
        path = "/-/api/ping/localhost:books/Ext<Put>"
        assert (await ask(world.address, "POST", path, token=world.token, body={"title": "Emma"})).status == 200
        _, change = await anext(stream.events())
        assert change["point"] == "localhost:books"


async def test_a_page_has_the_rights_of_strangers_whoever_looks(tmp_path: Path) -> None:
    async with bookshop(tmp_path, anonymous=True) as world:
        browser = Browser(world.address)
        await browser.ask("POST", "/-/login", f"token={world.token}".encode())
        got = await browser.ask("GET", f"/-/events?aspect=State&follow={await word_of(world)}", **HERE)
        assert got.status in (403, 404) and "access-control-allow-origin" not in got.headers


async def test_programs_get_no_word(world: World) -> None:
    for accept in ("application/json", "*/*"):
        seen = await ask(world.address, "GET", "/seen", token=world.token, host="books.example", accept=accept)
        assert seen.json == {"accept": accept}


def test_a_word_counts_after_a_restart() -> None:
    settings = PortalSettings()
    first, again, other = (Followers(settings, secret).word("localhost:books") for secret in ("one", "one", "two"))
    assert first == again != other
    assert Followers(settings, "").word("localhost:books") != Followers(settings, "").word("localhost:books")
