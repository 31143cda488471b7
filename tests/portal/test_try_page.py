"""The page to try the API sends what its form says, as who looks, and shows the same for a command line."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest_asyncio

from portal.bookshop import World, bookshop
from portal.web import Browser

PUT = "/-/try?point=localhost:books&method=Ext%3CPut%3E"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path) as made:
        yield made


async def logged_in(world: World, token: str) -> Browser:
    browser = Browser(world.address)
    assert (await browser.ask("POST", "/-/login", f"token={token}".encode())).status == 303
    return browser


def form(**fields: str) -> bytes:
    return urlencode({name.replace("__", "."): value for name, value in fields.items()}).encode()


async def test_a_form_for_each_handler_of_a_kind_or_a_particle(world: World) -> None:
    browser = await logged_in(world, world.token)
    empty = await browser.ask("GET", "/-/try")
    assert empty.status == 200 and b"<option>Shelf</option>" in empty.body and b"<h2" not in empty.body
    for query in ("kind=Shelf", "point=localhost:books"):
        listed = html.unescape((await browser.ask("GET", f"/-/try?{query}")).body.decode())
        assert "<code>Ext<Put></code>" in listed and "Puts a book there." in listed and "Http<Get>" not in listed
    chosen = (await browser.ask("GET", PUT)).body.decode()
    assert 'name="arg.title"' in chosen and 'name="arg.times"' in chosen and "Send Ext&lt;Put&gt;" in chosen
    assert "default-src 'none'" in (await browser.ask("GET", PUT)).headers["content-security-policy"]
    without = (await browser.ask("GET", "/-/try?kind=Shelf&method=Ext%3CPut%3E")).body.decode()
    assert "Give a point" in without and "Send Ext" not in without


async def test_what_is_sent_is_answered_as_the_api_answers(world: World) -> None:
    browser = await logged_in(world, world.token)
    sent = form(method="Ext<Put>", arg__title="<b>Emma's</b>", arg__times="2")
    got = html.unescape((await browser.ask("POST", PUT, sent)).body.decode())
    assert '"status": 200' in got and '"body": 2' in got and '"outcome": "ok"' in got
    assert "/-/api/ping/localhost:books/Ext%3CPut%3E" in got and "Bearer $TOKEN" in got and world.token not in got
    again = (await browser.ask("POST", PUT, sent)).body.decode()
    assert "<b>Emma" not in again, "what was typed is text"
    wrong = (await browser.ask("POST", PUT, form(method="Ext<Put>", arg__title="x", arg__times="many"))).body.decode()
    assert 'role="alert"' in wrong and "is not valid; expected: whole number" in wrong
    foreign = await browser.ask("POST", PUT, sent, origin="http://evil.example")
    assert foreign.status == 403


async def test_what_the_agent_may_not_send_has_no_button(world: World) -> None:
    client = world.machine.client()
    await client.exec("grant perm +csd-rwX on GLOBAL::machine to hyperspace:users:eve")
    browser = await logged_in(world, world.stranger)
    hidden = (await browser.ask("GET", PUT)).body.decode()
    assert '<button class="primary">' not in hidden
    await client.exec("grant perm +csd-Rwx on localhost:books to hyperspace:users:eve")
    seen = html.unescape((await browser.ask("GET", PUT)).body.decode())
    assert "You may not send it:" in seen and "Send Ext<Put>" not in seen and "access?point=localhost" in seen
    await client.exec("grant perm +csd-RwX on localhost:books to hyperspace:users:eve")
    assert "Send Ext<Put>" in html.unescape((await browser.ask("GET", PUT)).body.decode())


async def test_a_point_that_is_none_is_named(world: World) -> None:
    browser = await logged_in(world, world.token)
    for point in ("local<host", "localhost:nobody", "%00"):
        got = await browser.ask("GET", f"/-/try?point={point}")
        assert got.status == 200 and b"Show its handlers" in got.body and b'<div class="card ' in got.body, point
