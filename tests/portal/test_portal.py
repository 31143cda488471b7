"""Browsers and programs reach particles over HTTP, each with the rights of its agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hyperverse_core import Config, Machine
from hyperverse_core.config import Control
from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_portal.gateway import PortalGateway
from patience import until
from portal.bookshop import World, bookshop
from portal.web import Browser, Stream, ask, raw


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path, streams=2) as made:
        yield made


async def test_a_host_names_a_particle_and_the_rest_goes_through_its_bind(world: World) -> None:
    put = await ask(world.address, "POST", "/", token=world.token, body={"title": "Emma"}, host="books.example")
    assert (put.status, put.body, put.headers["content-type"]) == (200, b"1", "application/json")
    assert put.headers["hyperverse-outcome"] == "ok" and put.headers["hyperverse-wave"]
    shown = await ask(world.address, "GET", "/", token=world.token, host="Books.Example:8080")
    assert (shown.body, shown.headers["content-type"]) == (b"Emma", "text/plain; charset=utf-8")
    listed = await ask(world.address, "GET", "/json?n=1", token=world.token, host="books.example")
    assert listed.json == {"books": ["Emma"], "path": "/json?n=1", "agent": "HYPERUSER"} or listed.json["books"] == [
        "Emma"
    ]
    head = await ask(world.address, "HEAD", "/", token=world.token, host="books.example")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "4")


async def test_a_particle_sees_chosen_headers_and_no_secret(world: World) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    got = await ask(
        world.address, "GET", "/seen", token=world.token, host="books.example", accept="text/plain", traceparent=trace
    )
    assert got.json == {"accept": "text/plain", "traceparent": trace}


async def test_headers_of_a_particle_cannot_end_the_head_or_set_a_cookie(world: World) -> None:
    got = await ask(world.address, "GET", "/odd", token=world.token, host="books.example")
    assert (got.status, got.body, got.headers["content-length"], got.headers["etag"]) == (418, b"\0\1", "2", '"1"')
    assert "set-cookie" not in got.headers and got.headers["x-bad"] == "aset-cookie: x=1"
    assert got.headers["content-security-policy"].startswith("sandbox")


async def test_every_handler_is_reached_by_point_and_method(world: World) -> None:
    path = "/-/api/ping/localhost:books/Ext%3CPut%3E"
    got = await ask(world.address, "POST", path, token=world.token, body={"title": "Emma", "times": 2})
    assert (got.status, got.json["body"], got.json["outcome"]) == (200, 2, "ok")
    wrong = await ask(world.address, "POST", path, token=world.token, body={"titel": "Emma"})
    assert wrong.status == 400 and "title" in wrong.json["body"]["error"]
    busy = await ask(world.address, "POST", "/-/api/ping/localhost:books/Ext<Busy>", token=world.token)
    assert (busy.status, busy.headers["retry-after"]) == (503, "3")
    done = await ask(world.address, "POST", "/-/api/exec", token=world.token, body="create localhost:more<Shelf>")
    assert done.status == 200
    about = await ask(world.address, "GET", "/-/api/describe/localhost:more", token=world.token)
    assert about.json["kind"] == "Shelf"


@pytest.mark.thorough
async def test_particles_are_selected_by_pages(world: World) -> None:
    client = world.machine.client()
    made = sorted(f"localhost:books:b{number}" for number in range(1001))
    for first in range(0, len(made), 100):
        await client.exec("; ".join(f"create {point}<Base>" for point in made[first : first + 100]))
    path, found = "/-/api/select?selector=localhost:books:*", []
    first = await ask(world.address, "GET", path, token=world.token)
    found += [row["point"] for row in first.json["items"]]
    rest = await ask(world.address, "GET", f"{path}&after={first.json['after']}", token=world.token)
    found += [row["point"] for row in rest.json["items"]]
    assert found == made and len(first.json["items"]) == 1000 and rest.json["after"] is None
    everything = await ask(world.address, "GET", "/-/api/select", token=world.token)
    assert "localhost:books" in [row["point"] for row in everything.json["items"]]
    hidden = await ask(world.address, "GET", path, token=world.stranger)
    assert not hidden.json.get("items")


async def test_the_api_explains(world: World) -> None:
    path = "/-/api/explain?point=localhost:books&method=Ext%3CPut%3E"
    own = await ask(world.address, "GET", path, token=world.token)
    eve = await ask(world.address, "GET", f"{path}&agent=hyperspace:users:eve", token=world.token)
    assert (own.json["allowed"], eve.json["allowed"]) == (True, False)
    asked = await ask(world.address, "GET", path, token=world.stranger)
    assert asked.status == 404 or asked.json["allowed"] is False
    for query, said in (
        ("", "no particle is named"),
        ("?point=no<point", "no<point"),
        ("?point=localhost:a&pint=1", "'pint' is not a parameter"),
        ("?point=localhost:a&point=localhost:b", "'point' is given twice"),
        ("?point=localhost:books&method=Ext<", "expected"),
    ):
        wrong = await ask(world.address, "GET", f"/-/api/explain{query}", token=world.token)
        assert wrong.status == 400 and said in str(wrong.json), query


async def test_the_api_has_the_figures_and_the_plan_for_those_who_may(world: World) -> None:
    figures = await ask(world.address, "GET", "/-/api/figures", token=world.token)
    assert figures.status == 200 and figures.json["machines"]
    plan = await ask(world.address, "GET", "/-/api/plan", token=world.token)
    assert (plan.status, plan.json["moves"], plan.json["moved"]) == (200, [], 0)
    for path in ("figures", "plan"):
        assert (await ask(world.address, "GET", f"/-/api/{path}", token=world.stranger)).status in (403, 404)


MORE = "; create localhost:evil<Base>"
"""A second command, behind a first one."""


@pytest.mark.parametrize(
    "path",
    [
        "/-/api/select?selector=localhost:*{}",
        "/-/api/select?selector=localhost:*&after=localhost:books{}",
        "/-/api/explain?point=localhost:books{}",
        "/-/api/explain?point=localhost:books&method=Ext<Put>{}",
        "/-/api/explain?point=localhost:books&agent=localhost:books{}",
        "/-/particles?q=*{}",
        "/-/particles?q=localhost:books{}",
        "/-/particles?q=**<Base>{};select **",
        "/-/particles?under=localhost{};select localhost",
        "/-/particles?under=localhost&after=localhost:books{}",
        "/-/particle?point=localhost:books{}",
        "/-/access?point=localhost:books{}&method=create{}&agent=localhost:books{}",
        "/-/log?point=localhost:books{}",
        "/-/waves?point=localhost:books{}&q=localhost:books{}",
    ],
)
async def test_an_address_never_holds_a_command_of_its_own(world: World, path: str) -> None:
    """A link that somebody follows would run it with the rights of whoever follows it."""
    asked = path.replace("{}", MORE).replace(" ", "%20").replace("<", "%3C").replace(">", "%3E").replace(";", "%3B")
    got = await ask(world.address, "GET", asked, token=world.token)
    assert got.status < 500
    points = [row["point"] for row in await world.machine.client().select("**")]
    assert "localhost:books" in points and "localhost:evil" not in points


async def test_the_api_describes_itself(world: World) -> None:
    got = await ask(world.address, "GET", "/-/openapi.json?kind=Shelf", token=world.token)
    post = got.json["paths"]["/-/api/ping/{point}/Ext<Put>"]["post"]
    assert post["summary"] == "Shelf: Puts a book there."
    (body,) = post["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert body["required"] == ["title"] and body["properties"]["times"] == {"type": "integer", "default": 1}
    assert got.json["openapi"] == "3.1.0"
    whole = await ask(world.address, "GET", "/-/openapi.json", token=world.token)
    assert "/-/api/ping/{point}/Ext<Put>" in whole.json["paths"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/-/api/ping/localhost:books/Ext<Put>"),
        ("GET", "/-/openapi.json"),
        ("GET", "/-/metrics"),
        ("GET", "/-/events?point=localhost:books"),
        ("GET", "/-/api/kinds"),
    ],
)
async def test_without_a_token_and_with_a_wrong_one_nothing_is_answered(world: World, method: str, path: str) -> None:
    for token in ("", "wrong"):
        got = await ask(world.address, method, path, token=token, host="books.example")
        assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")


async def test_what_is_read_has_a_head_too(world: World) -> None:
    for path in ("/-/api/kinds", "/-/api/describe/localhost:books", "/-/metrics", "/-/openapi.json"):
        lines = f"HEAD {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.token}\r\nconnection: close\r\n\r\n"
        head, _, body = (await raw(world.address, lines.encode())).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and b"content-length: " in head and not body, path


async def test_health_and_readiness_need_no_token(world: World) -> None:
    assert (await ask(world.address, "GET", "/-/health")).status == 200
    assert (await ask(world.address, "GET", "/-/ready")).status == 200


async def test_each_request_has_the_rights_of_its_agent(world: World) -> None:
    path = "/-/api/ping/localhost:books/Ext<Put>"
    refused = await ask(world.address, "POST", path, token=world.stranger, body={"title": "Emma"})
    assert refused.status in (403, 404)
    await world.machine.client().exec("grant perm +csd-RwX on localhost:books to hyperspace:users:eve")
    granted = await ask(world.address, "POST", path, token=world.stranger, body={"title": "Emma"})
    assert granted.status == 200


async def test_a_browser_logs_in_and_its_token_is_in_no_page_and_no_address(world: World) -> None:
    browser = Browser(world.address)
    assert b'type="password"' in (await browser.ask("GET", "/-/")).body
    assert (await browser.ask("POST", "/-/login", b"token=wrong")).status == 401
    inside = await browser.ask("POST", "/-/login", f"token={world.token}".encode())
    assert (inside.status, inside.headers["location"]) == (303, "/-/")
    assert "HttpOnly; SameSite=Strict" in inside.headers["set-cookie"]
    assert world.token not in str(inside.headers)
    page = await browser.ask("GET", "/-/")
    assert b"Log out" in page.body and world.token.encode() not in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await browser.ask("GET", "/-/api/kinds")).status == 200
    await browser.ask("POST", "/-/logout")
    assert (await browser.ask("GET", "/-/api/kinds")).status == 401


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}, {"origin": "null"}]
)
async def test_a_page_of_another_site_cannot_act_for_a_browser(world: World, headers: dict[str, str]) -> None:
    browser = Browser(world.address)
    assert (await browser.ask("POST", "/-/login", f"token={world.token}".encode(), **headers)).status == 403
    await browser.ask("POST", "/-/login", f"token={world.token}".encode())
    path = "/-/api/ping/localhost:books/Ext<Put>"
    assert (await browser.ask("POST", path, {"title": "Emma"}, **headers)).status == 403
    assert (await browser.ask("POST", path, {"title": "Emma"})).status == 200


async def test_a_stream_tells_changes_until_its_token_is_revoked(world: World) -> None:
    async with Stream(world.address, "point=localhost:books&aspect=State", world.token) as stream:
        assert (stream.status, stream.got["content-type"]) == (200, "text/event-stream")
        events = stream.events()
        path = "/-/api/ping/localhost:books/Ext<Put>"
        heard: list[Any] = []

        async def listen() -> None:
            async for event in events:
                heard.append(event)

        listening = asyncio.ensure_future(listen())
        for number in range(100):
            await ask(world.address, "POST", path, token=world.token, body={"title": f"book {number}"})
            if heard:
                break
            await asyncio.sleep(0.05)
        assert heard and heard[0][0] == "state"
        listening.cancel()
    async with Stream(world.address, "point=localhost:books", world.token, **{"last-event-id": "7"}) as again:
        assert await anext(again.events()) == ("missed", {})


async def test_what_the_machine_has_missed_is_an_event_of_its_own(world: World) -> None:
    async with Stream(world.address, "point=localhost:books&aspect=Property", world.token) as stream:
        world.machine.parts.watches.lost()
        told = {"point": "localhost:books", "change": "missed", "aspect": "Property", "watched": "localhost:books"}
        assert await anext(stream.events()) == ("missed", told)


async def test_streams_are_bounded_and_say_what_is_wrong(world: World) -> None:
    assert (await ask(world.address, "GET", "/-/events", token=world.token)).status == 400
    odd = await ask(world.address, "GET", "/-/events?point=localhost:books&aspect=Colour", token=world.token)
    assert odd.status == 400 and "Colour" in odd.json["error"]
    query = "point=localhost:books"
    async with Stream(world.address, query, world.token), Stream(world.address, query, world.token):
        full = await ask(world.address, "GET", f"/-/events?{query}", token=world.token)
        assert full.status == 429
    for _ in range(200):  # the ends of the others are noticed soon
        async with Stream(world.address, query, world.token) as stream:
            if stream.status == 200:
                return
        await asyncio.sleep(0.05)
    pytest.fail("no stream begins although the others have ended")


"""Requests whose path is answered, but not for that method, and the methods for which it is."""


async def test_sessions_end_when_no_request_comes(tmp_path: Path) -> None:
    portal = {"address": "127.0.0.1:0", "idle": 0.2}
    async with Machine(
        Config(data_dir=tmp_path, control=Control(enabled=False), gateways={"portal": portal})
    ) as machine:
        address, token = machine.status()["gateways"]["portal"], (tmp_path / "token").read_text().strip()
        assert (await ask(address, "GET", "/-/api/kinds", token=token)).status == 200
        sessions = machine.parts.sessions
        await until(lambda: not len(sessions), "no session is left")


def test_settings_that_cannot_be_are_named() -> None:
    with pytest.raises(ConfigError) as refused:
        PortalGateway({"adress": 1, "hosts": {"A b": "x", "ok": "<"}, "wait": -1})
    said = str(refused.value)
    for part in ("did you mean 'address'", "'A b' is not a host name", "hosts.ok", "wait = -1"):
        assert part in said


async def test_an_address_in_use_is_named(world: World, tmp_path: Path) -> None:
    taken = world.address.removeprefix("http://").partition("/")[0]
    gateways = {"portal": {"address": taken}}
    with pytest.raises(Unavailable, match=f"cannot listen at {taken}"):
        async with Machine(Config(data_dir=tmp_path / "b", control=Control(enabled=False), gateways=gateways)):
            pass
