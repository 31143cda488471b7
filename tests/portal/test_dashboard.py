"""The pages of the dashboard without a browser: how much they hold, what they count, and whom they let in."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import attrs
import pytest
import pytest_asyncio

from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, Point, Register, handler, hookimpl
from hyperverse_core.config import Control
from hyperverse_core.errors import BadRequest
from hyperverse_portal.dashboard import kept
from hyperverse_portal.dashboard.wave_form import forms
from patience import until
from portal.web import Browser, Response, ask

MACHINE = "GLOBAL::machine"
LOOK = 1.1
"""Seconds after which figures are asked for again."""


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        return self.value

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx) -> None:
        await ctx.save()

    @handler("Ext<Break>")
    async def fail(self, ctx: Ctx) -> None:
        raise ValueError("it is jammed")

    @handler("Ext<Say>")
    async def fail_with(self, ctx: Ctx, text: str) -> None:
        raise ValueError(text)


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="<b>Counts</b>")
    particle = Counter


class Counters:
    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        register(CounterDriver)  # type: ignore[call-arg]


@attrs.define
class World:
    """A machine, and its owner's browser."""

    machine: Machine
    address: str
    owner: Browser


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    config = Config(data_dir=tmp_path, control=Control(enabled=False), gateways={"portal": {"address": "127.0.0.1:0"}})
    async with Machine(config, plugins=(Counters(),)) as machine:
        await machine.client().exec("create localhost<Space>; create localhost:hits<Counter>")
        (link,) = machine.parts.gateways.invitations().values()
        address = machine.status()["gateways"]["portal"]
        assert "once=" not in str(machine.status())
        owner = Browser(address)
        assert (await _follow(owner, link)).status == 303
        yield World(machine, address, owner)


async def _follow(browser: Browser, link: str) -> Response:
    return await browser.ask("POST", "/-/login", urlencode({"once": link.partition("once=")[2]}).encode())


async def page(browser: Browser, path: str, status: int = 200) -> str:
    got = await browser.ask("GET", f"/-/{path}")
    assert got.status == status, got.body[:500]
    assert "default-src 'none'" in got.headers["content-security-policy"]
    return got.body.decode()


async def test_a_link_lets_in_once(world: World) -> None:
    (link,) = world.machine.parts.gateways.invitations().values()
    again = await _follow(Browser(world.address), link)
    assert again.status == 401 and b"was used" in again.body
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


async def test_a_plan_is_shown_and_carried_out_by_whom_the_policy_lets(world: World) -> None:
    client = world.machine.client()
    points = [f"localhost:c{number}" for number in range(12)]
    await client.exec("; ".join(f"create {point}<Counter>" for point in points))
    for point in points:
        await client.ask(point, "Ext<Add>")
    homes = {(await client.ask(MACHINE, "Ext<Describe>", {"point": point}))["star"] for point in points}
    assert len(homes) > 1
    (home, *_) = sorted(homes)
    for point in points:
        await client.ping(MACHINE, "Ext<Move>", {"point": point, "star": home})
    shown = await page(world.owner, "balance")
    assert "its share is 2" in shown and "Carry out" in shown
    assert "moves would even out the load" in await page(world.owner, "")
    eve = await _somebody(world, "perm +csd-rwX on GLOBAL::machine")
    assert "machine:rebalance" in await page(eve, "balance") and "Carry out" not in await page(eve, "balance")
    assert (await eve.ask("POST", "/-/balance", b"act=apply")).status == 403
    done = await world.owner.ask("POST", "/-/balance", b"act=apply")
    assert done.status == 200 and b'id="done"' in done.body and b"Every star has its share" in done.body
    assert (await world.owner.ask("POST", "/-/balance", b"act=dance")).status == 400


async def _somebody(world: World, *grants: str) -> Browser:
    """The browser of a user with these grants."""
    client = world.machine.client()
    await client.exec("create hyperspace:users:eve<User>")
    for grant in grants:
        await client.exec(f"grant {grant} to hyperspace:users:eve")
    issued = await client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": "hyperspace:users:eve"})
    eve = Browser(world.address)
    await eve.ask("POST", "/-/login", f"token={issued['token']}".encode())
    return eve


async def test_a_form_is_refused_from_another_site_and_by_the_policy(world: World) -> None:
    await page(world.owner, "")
    body = urlencode({"method": "Ext<Add>/", "arg.by": "2"}).encode()
    refused = await world.owner.ask("POST", "/-/particle?point=localhost:hits", body, origin="http://evil.example")
    assert refused.status == 403
    sent = await world.owner.ask("POST", "/-/particle?point=localhost:hits", body)
    assert sent.status == 200 and b'<pre tabindex="0" aria-label="Answer">2</pre>' in sent.body
    eve = await _somebody(world)
    assert (await eve.ask("POST", "/-/machines", b"act=stop")).status == 403
    assert "You may not see this page" in await page(eve, "")
    client = world.machine.client("hyperspace:users:eve")
    for point, times in (("localhost:hits", 4), ("localhost", 2)):
        for _ in range(times):
            assert (await client.ping(point, "Ext<Add>")).status == 404
    await asyncio.sleep(LOOK)
    shown = (await page(world.owner, "")).partition('id="cards"')[2].partition("</section>")[0]
    assert shown.count("hyperspace:users:eve was refused") == 1, "one card for one agent"
    assert "are one fault" not in shown, "what was refused is no fault besides"
    assert shown.count("Prepare a grant") == shown.count(">Explain<") >= 3, "the owner may grant all of it"


async def test_a_grant_is_made_by_whom_the_policy_lets(world: World) -> None:
    eve = await _somebody(world)
    asked = {"agent": "hyperspace:users:eve", "point": "localhost:hits", "method": "Ext<Add>"}
    shown = await page(world.owner, f"access?{urlencode(asked)}")
    words = "grant perm +csd-rwX on localhost:hits to hyperspace:users:eve"
    assert f'value="{words}"' in shown and "Grant it" in shown
    assert "Grant it" not in await page(eve, f"access?{urlencode(asked)}")
    assert (await eve.ask("POST", "/-/access", urlencode({**asked, "grant": words}).encode())).status in (403, 404)
    for wrong in ("delete localhost:hits", f"{words}; delete localhost:hits", "", f"{words}\ndelete localhost:hits"):
        refused = await world.owner.ask("POST", "/-/access", urlencode({**asked, "grant": wrong}).encode())
        assert refused.status == 400, wrong
    made = await world.owner.ask("POST", "/-/access", urlencode({**asked, "grant": words}).encode())
    assert made.status == 200 and b"Yes: hyperspace:users:eve may send" in made.body
    assert (await world.machine.client("hyperspace:users:eve").ping("localhost:hits", "Ext<Add>")).ok


async def test_machines_are_drained_and_stopped_by_name(world: World) -> None:
    name = world.machine.name
    shown = await page(world.owner, "machines")
    assert f"Drain {name} nevertheless" in shown and f"Stop {name}" in shown
    for form, status in (({"act": "drain", "machine": name}, 409), ({"act": "stop", "machine": "nobody"}, 404)):
        assert (await world.owner.ask("POST", "/-/machines", urlencode(form).encode())).status == status
    assert world.machine.status()["draining"] is False
    eve = await _somebody(world, "perm +csd-rwX on GLOBAL::machine")
    assert "Drain" not in await page(eve, "machines") and "Stop" not in await page(eve, "machines")
    form = urlencode({"act": "drain", "machine": name, "force": "1"}).encode()
    assert (await eve.ask("POST", "/-/machines", form)).status == 403
    done = await world.owner.ask("POST", "/-/machines", form)
    assert done.status == 200 and f"left machine {name}".encode() in done.body
    assert world.machine.status()["draining"] is True


async def test_a_drain_that_takes_long_is_told_as_still_going_on(tmp_path: Path) -> None:
    may_go = asyncio.Event()

    class Guest(Particle):
        @handler("Ext<Come>")
        async def come(self, ctx: Ctx) -> None:
            """It is in memory from then on."""

        async def on_stop(self, ctx: Ctx) -> None:
            await may_go.wait()

    class GuestDriver(Driver):
        kind = KindDef("Guest", doc="Leaves when it is told to")
        particle = Guest

    class Guests:
        @hookimpl
        def hyperverse_register_drivers(self, register: Register) -> None:
            register(GuestDriver)  # type: ignore[call-arg]

    config = Config(
        data_dir=tmp_path,
        control=Control(enabled=False),
        gateways={"portal": {"address": "127.0.0.1:0", "wait": 2.5}},
    )
    async with Machine(config, plugins=(Guests(),)) as machine:
        await machine.client().exec("create localhost<Space>; create localhost:g<Guest>")
        await machine.client().ask("localhost:g", "Ext<Come>")
        (link,) = machine.parts.gateways.invitations().values()
        owner = Browser(machine.status()["gateways"]["portal"])
        assert (await _follow(owner, link)).status == 303
        form = urlencode({"act": "drain", "machine": machine.name, "force": "1"}).encode()
        done = await owner.ask("POST", "/-/machines", form)
        assert done.status == 200 and b"is being drained. This takes a while." in done.body
        assert b'class="st warn">draining' in done.body
        may_go.set()
        await until(lambda: machine.parts.homes.at_home(Point.parse("localhost:g")) is None, "its leave")


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


async def test_a_page_that_is_left_open_is_not_refused_again_and_again(world: World) -> None:
    client = world.machine.client()
    eve = await _somebody(world, "perm +csd-rwX on GLOBAL::machine")
    await page(world.owner, "")

    async def refusals() -> int:
        found = (await client.ask(MACHINE, "Ext<Figures>"))["machines"][world.machine.name]["denied"]
        return sum(row["count"] for row in found if row["agent"].endswith("eve"))

    assert "No figures" in await page(eve, "")
    once = await refusals()
    assert once > 0
    for _ in range(3):
        for path in ("", "machines", "particle?point=localhost:hits"):
            assert (await eve.ask("GET", f"/-/{path}", hyperverse_refresh="1")).status in (200, 404)
    assert await refusals() - once < 9, "only what it had not asked for before, and a particle that it may not read"
    await client.exec("grant priv machine:figures on GLOBAL::machine to hyperspace:users:eve")
    assert "No figures" not in await page(eve, ""), "whoever loads the page asks again"


async def test_somebody_with_few_rights_finds_what_was_granted(world: World) -> None:
    eve = await _somebody(world, "perm +csd-RwX on localhost:hits")
    shown = await page(eve, "particles")
    assert "You have been granted access to" in shown and "particle?point=localhost%3Ahits" in shown
    of_it = await page(eve, "particle?point=localhost:hits")
    assert "It has saved none" in of_it
    assert '<option value="Ext&lt;Say&gt;/"' in of_it  # whoever may read it may know what it takes


async def test_what_nobody_sees_is_named(world: World) -> None:
    client = world.machine.client()
    await page(world.owner, "waves")
    await client.ping("localhost:hits", "Ext<Say>", {"text": "a\x1b[31m \u202egnp.exe\u200b"})
    for path in ("waves", "log", "particle?point=localhost:hits"):
        shown = await page(world.owner, path)
        assert "a\u241b[31m &lt;U+202E&gt;gnp.exe&lt;U+200B&gt;" in shown, path
        assert "\x1b" not in shown and "\u202e" not in shown, path


async def test_files_are_kept_by_browsers_and_compressed(world: World) -> None:
    text = await page(world.owner, "")
    (name, *_) = [part.partition('"')[0] for part in text.split('href="')[1:] if "dashboard.css" in part]
    got = await ask(world.address, "GET", f"/-/{name}", accept_encoding="gzip")
    assert got.headers["content-encoding"] == "gzip" and "immutable" in got.headers["cache-control"]
    same = await ask(world.address, "GET", f"/-/{name}", if_none_match=got.headers["etag"])
    assert (same.status, same.body) == (304, b"")
    assert (await ask(world.address, "GET", "/-/static/routes.py")).status == 404


def test_a_form_reads_what_a_browser_sends() -> None:
    properties = {
        "count": {"type": "integer"},
        "name": {"type": "string"},
        "loud": {"type": "boolean", "default": False},
        "colour": {"$ref": "#/$defs/Colour", "$defs": {"Colour": {"enum": ["red", "blue"]}}},
        "rest": {},
    }
    arguments = {"properties": properties, "required": ["count", "name"]}
    (form,) = forms([{"takes": "Ext<Paint>", "doc": "", "privilege": "", "arguments": arguments}, *_any_method()])
    assert [field.control for field in form.fields] == ["number", "text", "choice", "choice", "json"]
    sent = {"arg.count": "3", "arg.name": "", "arg.loud": "", "arg.colour": '"red"', "arg.rest": "[1]"}
    assert form.body(sent) == {"count": 3, "name": "", "colour": "red", "rest": [1]}
    with pytest.raises(BadRequest, match="count: 'three' is no whole number"):
        form.body({"arg.count": "three"})


def _any_method() -> list[dict[str, object]]:
    return [{"takes": "Ext<*>", "doc": "", "privilege": "", "arguments": {"properties": {}, "required": []}}]
