"""What is done on the pages of the dashboard, and whom they let do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, Point, Register, handler, hookimpl
from hyperverse_core.config import Control
from hyperverse_core.errors import BadRequest
from hyperverse_portal.dashboard.wave_form import forms
from patience import until
from portal.dashboard_world import LOOK, MACHINE, World, dashboard, follow, page
from portal.web import Browser


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with dashboard(tmp_path) as world:
        yield world


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
        assert (await follow(owner, link)).status == 303
        form = urlencode({"act": "drain", "machine": machine.name, "force": "1"}).encode()
        done = await owner.ask("POST", "/-/machines", form)
        assert done.status == 200 and b"is being drained. This takes a while." in done.body
        assert b'class="st warn">draining' in done.body
        may_go.set()
        await until(lambda: machine.parts.homes.at_home(Point.parse("localhost:g")) is None, "its leave")


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
    with pytest.raises(BadRequest, match="count: 'three' is not valid; expected: whole number"):
        form.body({"arg.count": "three"})


def _any_method() -> list[dict[str, object]]:
    return [{"takes": "Ext<*>", "doc": "", "privilege": "", "arguments": {"properties": {}, "required": []}}]
