"""The pages of the dashboard without a browser: how much they hold, what they count, and how old it is."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from hyperverse_portal.dashboard import kept
from portal.dashboard_world import LOOK, MACHINE, World, dashboard, follow, page
from portal.web import Browser, ask


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with dashboard(tmp_path) as world:
        yield world


async def test_a_link_lets_in_once(world: World) -> None:
    (link,) = world.machine.parts.gateways.invitations().values()
    again = await follow(Browser(world.address), link)
    assert again.status == 401 and b"was already used" in again.body
    shown = await Browser(world.address).ask("GET", "/-/login?once=%22%3E%3Cscript%3E")
    assert b"<script>&" not in shown.body and b"&#34;&gt;&lt;script&gt;" in shown.body


async def test_who_is_not_logged_in_gets_the_page_to_log_in(world: World) -> None:
    for path in (
        "",
        "particles",
        "particle?point=localhost:hits",
        "waves",
        "log",
        "balance",
        "kinds",
        "machines",
        "access",
    ):
        assert 'type="password"' in await page(Browser(world.address), path)
    stale = Browser(world.address)
    stale.cookie = "hyperverse_session=nonsense"
    assert "your login has ended" in await page(stale, "machines", 401)


async def test_no_page_holds_more_than_200_rows(world: World) -> None:
    await world.machine.client().exec("; ".join(f"create localhost:c{number:04}<Counter>" for number in range(410)))
    first = await page(world.owner, "particles?under=localhost")
    assert first.count("<tr>") == 201 and "after=localhost%3Ac0199" in first
    last = await page(world.owner, "particles?under=localhost&after=localhost:c0399")
    assert last.count("<tr>") == 12 and "Next 200" not in last
    for word in ("Counter", "localhost:**", "localhost", "c0"):
        assert (await page(world.owner, f"particles?{urlencode({'q': word})}")).count("<tr>") == 201
    assert (await page(world.owner, "particles?q=c040")).count("<tr>") == 11
    one = await page(world.owner, "particle?point=localhost")
    assert "200 or more particles" in one


FORMS = ("Send a wave", "May this agent do that?")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "particles?under=localhost",
        "particle?point=localhost:hits",
        "waves",
        "log",
        "balance",
        "machines",
        "kinds",
        "access?point=localhost:hits",
    ],
)
async def test_every_panel_says_how_old_it_is(world: World, path: str) -> None:
    await world.machine.client().ping("localhost:hits", "Ext<Break>")
    shown = await page(world.owner, path)
    panels = re.findall(
        r"<section [^>]*class=\"panel.*?</section>|<section class=\"tiles.*?</section>", shown, re.DOTALL
    )
    assert panels
    for panel in panels:
        title = re.sub(r"<[^>]+>", "", (re.search(r"<h[12].*?</h[12]>", panel, re.DOTALL) or [panel[:100]])[0]).strip()
        assert "data-age" in panel or title in FORMS, title


async def test_what_was_asked_for_a_while_ago_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await page(world.owner, "")
    monkeypatch.setattr(kept, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 7))  # the loop's time stays
    shown = await page(world.owner, "")
    tree = shown.partition('id="treeage"')[2].partition("</h2>")[0]
    assert 'data-old="7"' in tree and "7 s ago" in tree
    assert "data-age>just now" in shown.partition('id="maph"')[2].partition("</h2>")[0]


async def test_a_particle_says_by_what_it_is_placed_and_when_it_was_saved(world: World) -> None:
    await world.machine.client().ask("localhost:hits", "Ext<Add>")
    for path in ("?point=localhost:hits", "particle?point=localhost:hits"):
        shown = await page(world.owner, path)
        assert re.search(r"<dt>Placed by</dt><dd>[a-z]+</dd>", shown), path
        assert "<dt>State saved</dt><dd>not since it came into memory</dd>" in shown, path
    await world.machine.client().ask("localhost:hits", "Ext<Keep>")
    for path in ("?point=localhost:hits", "particle?point=localhost:hits"):
        assert re.search(r"<dt>State saved</dt><dd>(just now|.* ago)</dd>", await page(world.owner, path)), path


async def test_what_is_asked_wrongly_is_said(world: World) -> None:
    assert "localhost:nobody" in await page(world.owner, "particle?point=localhost:nobody", 404)
    assert "This did not work" in await page(world.owner, "particle?point=a::b::c", 400)
    assert "no Kind" in await page(world.owner, "kinds?kind=Cuonter")
    assert "is not a method" in await page(world.owner, "access?point=localhost:hits&method=a;b")
    shown = await page(world.owner, f"particles?{urlencode({'q': '<script>'})}")
    assert "<script>" not in shown.partition("<body")[2]
    assert "&lt;b&gt;Counts" in await page(world.owner, "kinds?kind=Counter")


async def test_figures_are_counted_while_somebody_looks(world: World) -> None:
    client = world.machine.client()
    await client.ping("localhost:hits", "Ext<Add>")
    assert not world.machine.parts.interceptors.handlers
    await page(world.owner, "")
    for _ in range(5):
        await client.ping("localhost:hits", "Ext<Add>")
        await client.ping("localhost:hits", "Ext<Break>")
    found = (await client.ask(MACHINE, "Ext<Figures>"))["machines"][world.machine.name]
    counts = {row["method"]: (row["count"], row["failed"]) for row in found["methods"] if row["kind"] == "Counter"}
    assert counts == {"Ext<Add>": (5, 0), "Ext<Break>": (5, 5)}
    assert sum(count for _, _, count in found["pairs"]) == 10 and found["waves"] == 10
    assert sum(step[1] for step in found["history"]) == 10 and min(step[0] for step in found["history"]) >= 0
    await asyncio.sleep(LOOK)
    shown = await page(world.owner, "")
    assert "Counter: 5 failures are one fault" in shown and "it is jammed" in shown
    table = shown.partition('id="minuterows"')[2].partition("</table>")[0]
    rows = [re.findall(r"<td[^>]*>([^<]*)", row) for row in table.split("<tr>")[2:]]
    assert len(rows) == 12 and sum(int(row[2]) for row in rows) == 5, "the lines are there as a table"
    assert 'href="waves?failed=1&amp;point=localhost%3Ahits"' in shown and "data-age" in shown


async def test_waves_are_found_with_their_hops(world: World) -> None:
    client = world.machine.client()
    await page(world.owner, "waves")
    good, bad = await client.ping("localhost:hits", "Ext<Add>"), await client.ping("localhost:hits", "Ext<Break>")
    shown = await page(world.owner, "waves")
    assert f"waves?id={good.id}" in shown and "it is jammed" in shown
    failures = await page(world.owner, "waves?failed=1")
    assert f"waves?id={good.id}" not in failures and f"waves?id={bad.id}" in failures
    one = await page(world.owner, f"waves?id={bad.id}")
    assert "Why it failed" in one and one.count("<tbody><tr>") == 1 and "handler ended" in one
    found = await world.owner.ask("GET", f"/-/particles?q={bad.id}")
    assert (found.status, found.headers["location"]) == (303, f"waves?id={bad.id}")
    assert "no machine has recorded" in await page(world.owner, "waves?id=unheard-of-1", 404)
    about = await page(world.owner, "waves?point=localhost:nobody")
    assert "No wave has ended" in about


async def test_the_log_is_shown_by_level_particle_and_word(world: World) -> None:
    client = world.machine.client()
    await client.ping("localhost:hits", "Ext<Break>")
    assert "it is jammed" in await page(world.owner, "log?level=error")
    assert "it is jammed" in await page(world.owner, "log?word=JAMMED")
    assert "No such line is kept" in await page(world.owner, "log?word=nowhere+at+all")
    assert "&lt;b&gt;" in await page(world.owner, "log?word=%3Cb%3E")


async def test_a_particle_has_its_waves_its_log_and_where_it_has_lived(world: World) -> None:
    client = world.machine.client()
    await page(world.owner, "particle?point=localhost:hits")
    pong = await client.ping("localhost:hits", "Ext<Break>")
    shown = await page(world.owner, "particle?point=localhost:hits")
    recent, log, lived = (
        shown.partition(f'id="{part}"')[2].partition("</section>")[0] for part in ("waves", "log", "lives")
    )
    assert f"waves?id={pong.id}" in recent and "it is jammed" in recent
    assert "fail failed" in log and "Traceback" in log
    home = (await client.ask(MACHINE, "Ext<Describe>", {"point": "localhost:hits"}))["star"]
    assert f"came to <code>{home}</code> of {world.machine.name}" in lived


async def test_the_tree_of_the_overview_fits(world: World) -> None:
    client = world.machine.client()
    await client.exec("create localhost:many<Base>")
    await client.exec("; ".join(f"create localhost:many:c{number:03}<Counter>" for number in range(150)))
    await client.exec("create localhost:many:c000:deep<Base>; create localhost:many:c000:deep:deeper<Base>")
    shown = (await page(world.owner, "")).partition('id="tree"')[2].partition("</section>")[0]
    assert "141 more" in shown and ">deeper<" in shown and shown.count("<li>") < 80
    one = (await page(world.owner, "?point=localhost:many:c000")).partition('id="onepart"')[2]
    assert "localhost:many:c000" in one.partition("</h2>")[0]
    assert "no particle" in (await page(world.owner, "?point=localhost:nobody")).partition('id="onepart"')[2]


async def test_files_are_kept_by_browsers_and_compressed(world: World) -> None:
    text = await page(world.owner, "")
    (name, *_) = [part.partition('"')[0] for part in text.split('href="')[1:] if "dashboard.css" in part]
    got = await ask(world.address, "GET", f"/-/{name}", accept_encoding="gzip")
    assert got.headers["content-encoding"] == "gzip" and "immutable" in got.headers["cache-control"]
    same = await ask(world.address, "GET", f"/-/{name}", if_none_match=got.headers["etag"])
    assert (same.status, same.body) == (304, b"")
    assert (await ask(world.address, "GET", "/-/static/routes.py")).status == 404
