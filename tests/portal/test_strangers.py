"""What a browser sees that shows nothing: where the policy lets strangers in, and where it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from portal.bookshop import World, bookshop
from portal.web import Browser, Response

PAGES = ("", "particles", "particle?point=localhost:books", "waves", "log", "balance", "kinds", "machines", "access")
STRANGERS = "hyperspace:users:anonymous"


@pytest_asyncio.fixture
async def open_world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path, anonymous=True) as made:
        yield made


async def look(world: World, path: str) -> Response:
    return await Browser(world.address).ask("GET", f"/-/{path}")


def is_log_in(got: Response) -> bool:
    return b'type="password"' in got.body


async def test_strangers_are_sent_to_the_log_in_by_default(tmp_path: Path) -> None:
    async with bookshop(tmp_path) as world:
        await world.machine.client().exec(f"grant perm +csd-RwX on localhost:** to {STRANGERS}")
        for path in PAGES:
            got = await look(world, path)
            assert got.status == 200 and is_log_in(got) and b"localhost" not in got.body, path


async def test_a_stranger_without_a_grant_sees_nothing_and_may_log_in(open_world: World) -> None:
    for path in PAGES:
        got = await look(open_world, path)
        assert got.status < 500 and not is_log_in(got) and b'href="login">Log in</a>' in got.body, path
        assert b"Shelf" not in got.body and b"log out" not in got.body.lower(), path
    assert is_log_in(await look(open_world, "login"))


async def test_a_stranger_sees_what_is_granted_to_strangers_and_nothing_else(open_world: World) -> None:
    client = open_world.machine.client()
    await client.exec("create localhost:secret<Shelf>")
    await client.ask("localhost:books", "Ext<Put>", {"title": "Emma"})
    await client.exec(f"grant perm +csd-RwX on localhost:books to {STRANGERS}")
    first = await look(open_world, "")
    assert first.status == 200 and b"localhost:books" in first.body and b"secret" not in first.body
    book = await look(open_world, "particle?point=localhost:books")
    assert book.status == 200 and b"Emma" in book.body
    assert b"Shelf" not in (await look(open_world, "particle?point=localhost:secret")).body


async def test_who_logs_in_is_no_stranger_any_more(open_world: World) -> None:
    browser = Browser(open_world.address)
    assert b">Log in<" in (await browser.ask("GET", "/-/")).body
    await browser.ask("POST", "/-/login", f"token={open_world.token}".encode())
    inside = (await browser.ask("GET", "/-/")).body
    assert b">Log in<" not in inside and b"Log out" in inside
    await browser.ask("POST", "/-/logout")
    assert b">Log in<" in (await browser.ask("GET", "/-/")).body


FORMS = ("/-/api/exec", "/-/api/ping/localhost:books/Ext<Put>", "/-/particle?point=localhost")


async def test_a_page_of_another_site_may_not_act_as_a_stranger(open_world: World) -> None:
    """The portal may be in a network where strangers are let in, and that site outside of it."""
    await open_world.machine.client().exec(f"grant perm +CSD-RWX on localhost to {STRANGERS}")
    said = "create localhost:evil<Shelf>"
    for mark in ({"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}):
        for path in FORMS:
            assert (await Browser(open_world.address).ask("POST", path, said, **mark)).status == 403, path
    assert (await Browser(open_world.address).ask("POST", FORMS[0], "create localhost:good<Shelf>")).status == 200


async def test_a_page_of_a_particle_may_send_its_form_as_a_stranger(open_world: World) -> None:
    await open_world.machine.client().exec(f"grant perm +csd-RwX on localhost:books to {STRANGERS}")
    sent = {"host": "books.example", "origin": "null", "sec_fetch_site": "cross-site"}
    got = await Browser(open_world.address).ask("POST", "/", {"title": "Emma"}, **sent)
    assert got.status == 200 and got.body == b"1"
