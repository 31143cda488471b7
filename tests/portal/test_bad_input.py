"""What no proper client sends, said byte by byte to a real machine: each ends soon, and with an answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hyperverse_core import Config, Machine
from hyperverse_core.config import Control
from patience import PATIENCE, budget, until
from portal.bookshop import Shelves, World, bookshop
from portal.web import Browser, Stream, ask, place, raw, request

pytestmark = pytest.mark.one_case_in(2)

HEALTH = b"GET /-/health HTTP/1.1\r\nhost: localhost\r\n"
HOST = b"host: books.example\r\n"
LAST = b"connection: close\r\n\r\n"
MANY = b"y" * 200_000


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path, hosts={"books.example": "localhost:books", "empty.example": "localhost:no"}) as made:
        yield made


def heads() -> dict[str, tuple[bytes, int]]:
    """What is said before a body, and the status that it gets."""
    return {
        "nothing": (b"", 408),
        "half a line": (b"GET /-/he", 408),
        "half a head": (HEALTH, 408),
        "blank lines without end": (b"\r\n" * 50_000, 431),
        "a large head in one piece": (HEALTH + b"x: " + MANY + b"\r\n\r\n", 431),
        "many headers": (HEALTH + b"x: y\r\n" * 20_000 + b"\r\n", 431),
        "a large target": (b"GET /" + MANY + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        "no host": (b"GET /-/health HTTP/1.1\r\n\r\n", 400),
        "no host in HTTP/1.0": (b"GET /-/health HTTP/1.0\r\n\r\n", 400),
        "two hosts": (HEALTH + b"host: localhost\r\n\r\n", 400),
        "an empty host": (b"GET /-/health HTTP/1.1\r\nhost:\r\n\r\n", 400),
        "a host that is a path": (b"GET /-/health HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
        "a target on another host": (b"GET http://other/-/health HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        "a target on this host": (b"GET http://localhost/-/health HTTP/1.1\r\nhost: localhost\r\n" + LAST, 200),
        "a target with a user": (b"GET http://u@localhost/-/health HTTP/1.1\r\nhost: localhost\r\n" + LAST, 400),
        "CONNECT": (b"CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n", 400),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        "a header over two lines": (HEALTH + b"x: a\r\n b\r\n\r\n", 400),
        "a blank before a colon": (b"GET /-/health HTTP/1.1\r\nhost : localhost\r\n\r\n", 400),
        "NUL in a header": (HEALTH + b"x: a\0b\r\n\r\n", 400),
        "another protocol": (HEALTH + b"connection: upgrade, close\r\nupgrade: h2c\r\n\r\n", 200),
    }


def bodies(token: str) -> dict[str, tuple[bytes, int]]:
    """What is said with a body, and the status that it gets."""
    known = f"authorization: Bearer {token}\r\n".encode()
    post = b"POST /-/api/exec HTTP/1.1\r\n" + HOST + known
    chunked = post + b"transfer-encoding: chunked\r\n\r\n"
    return {
        "half a body": (post + b"content-length: 9\r\n\r\nhalf", 408),
        "half a piece": (chunked + b"5\r\nhal", 408),
        "two lengths": (post + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", 400),
        "one length twice": (post + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", 400),
        "a list of lengths": (post + b"content-length: 5, 5\r\n\r\nhello", 400),
        "a length below 0": (post + b"content-length: -5\r\n\r\nhello", 400),
        "a length that is no number": (post + b"content-length: 0x5\r\n\r\nhello", 400),
        "length and chunked": (post + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        "chunked and length": (post + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400),
        "another encoding": (post + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        "chunked in HTTP/1.0": (chunked.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", 400),
        "a piece without a size": (chunked + b"zz\r\n\r\n", 400),
        "a piece with a size below 0": (chunked + b"-1\r\n", 400),
        "a piece with a size beyond all numbers": (chunked + b"FFFFFFFFFFFFFFFFF\r\n", 400),
        "another encoding twice": (chunked.replace(b"chunked\r\n", b"chunked\r\ntransfer-encoding: chunked\r\n"), 400),
        "an encoding that is none": (post + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n", 400),
        "more around a piece than in it": (chunked + b"1;" + MANY + MANY, 400),
        "much behind the body": (chunked + b"0\r\nx: " + MANY + MANY + b"\r\n\r\n", 400),
        "a token behind the body": (chunked.replace(known, b"") + b"0\r\n" + known + b"\r\n", 401),
        "a length over the limit": (post + b"content-length: 999999999\r\n\r\nfirst", 413),
        "that the client would wait with": (post + b"expect: 100-continue\r\ncontent-length: 999999999\r\n\r\n", 413),
        "pieces over the limit": (chunked + b"20000\r\n" + b"x" * 0x20000, 413),
        "a body of a stranger": (b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 900000\r\n\r\n" + MANY, 401),
    }


async def test_whatever_is_said_ends_soon_with_the_status_that_fits(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def said(name: str, text: bytes, status: int) -> str:
        answer = await raw(world.address, text)
        line = answer.partition(b"\r\n")[0]
        return "" if line.startswith(b"HTTP/1.1 %d " % status) else f"{name}: {line!r} in place of {status}"

    cases = {**heads(), **bodies(world.token)}
    wrong = await asyncio.gather(*(said(name, *case) for name, case in cases.items()))
    assert not any(wrong), "\n".join(filter(None, wrong))
    assert world.token not in caplog.text and not [r for r in caplog.records if r.levelno >= logging.WARNING]


async def test_a_fault_in_the_next_request_leaves_the_answer_to_this_one(world: World) -> None:
    kinds = f"GET /-/api/kinds HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {world.token}\r\n\r\n".encode()
    answer = await raw(world.address, kinds + b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"]") and answer.count(b"HTTP/1.1") == 1
    answer = await raw(world.address, kinds + b"GET /-/he")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 408") == 1


async def test_a_client_that_sends_too_much_reads_the_refusal(world: World) -> None:
    reader, writer = await asyncio.open_connection(*place(world.address))
    head = f"POST / HTTP/1.1\r\nhost: books.example\r\nauthorization: Bearer {world.token}\r\n"
    writer.write(f"{head}content-length: 30000000\r\n\r\n".encode())
    try:
        for _ in range(30):  # it sends on while it is refused
            writer.write(b"x" * 100_000)
            await asyncio.wait_for(writer.drain(), PATIENCE)
            await asyncio.sleep(0.005)
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ") and b"connection: close" in answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/-/api/ping/localhost:boo%20ks/Ext<Put>"),
        ("POST", "/-/api/ping/loc%ffal/Ext<Put>"),
        ("POST", "/-/api/ping/localhost:books/Ext<Pu%20t>"),
        ("POST", "/-/api/ping/localhost:books/Nope<Put>"),
        ("GET", "/-/api/describe/local<host"),
        ("GET", "/-/events?point=local<host"),
    ],
)
async def test_a_point_or_a_method_that_does_not_parse_is_shown_with_its_place(
    world: World, method: str, path: str
) -> None:
    got = await ask(world.address, method, path, token=world.token)
    line, _, under = got.json["caret"].partition("\n")
    assert got.status == 400 and line and under.strip() == "^" and "line 1, column" in got.json["error"]


async def test_an_unknown_host_is_told_the_known_ones_by_whom_they_may_be_seen(world: World) -> None:
    for host in ("nobody.example", "empty.example", "a..b", "1.2.3.4", "under_score"):
        owner = await ask(world.address, "GET", "/", token=world.token, host=host)
        assert (owner.status, "books.example" in owner.json["hint"]) == (404, True), owner
        assert "empty.example" not in owner.json["hint"]  # nothing answers there
        other = await ask(world.address, "GET", "/", token=world.stranger, host=host)
        assert other.status == 404 and "books.example" not in other.body.decode()
    there = await ask(world.address, "DELETE", "/", token=world.token, host="books.example")
    assert there.status == 404 and "no handler for Http<Delete>" in there.json["error"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"[" * 50_000),
        ("application/json", b"[" * 20_000 + b"]" * 20_000),
        ("application/json", b"\xff"),
        ("application/json", b'{"title": "\xff"}'),
        ("text/plain", b"\xff\xfe"),
        ("text/plain; charset=latin-1", b"hello"),
        ("nonsense", b"hello"),
        ("image/png", b"hello"),
        ("", b"hello"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(world: World, content_type: str, body: bytes) -> None:
    named = {"content_type": content_type} if content_type else {}
    got = await ask(world.address, "POST", "/", token=world.token, body=body, host="books.example", **named)
    assert got.status == 400 and got.json["error"]


async def test_a_browser_keeps_its_login_from_pages_of_other_sites(world: World) -> None:
    browser = Browser(world.address)
    await browser.ask("POST", "/-/login", f"token={world.token}".encode())
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        for method, path in (("POST", "/-/api/exec"), ("POST", "/"), ("DELETE", "/"), ("POST", "/-/logout")):
            got = await browser.ask(method, path, host="books.example", **headers)
            assert got.status == 403, (path, got)
    assert (await browser.ask("GET", "/-/api/kinds")).status == 200  # nobody else could log it out


async def test_a_token_is_in_no_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for token in (world.token, "not-a-token-at-all"):
        for path in ("/-/api/kinds", "/-/api/ping/localhost:books/Ext<Busy>", f"/-/api/{token}", "/"):
            await ask(world.address, "POST", path, token=token, body={"title": token}, host="books.example")
        async with Stream(world.address, "point=localhost:books", token):
            pass
    told = [record for record in caplog.records if not record.name.startswith(("aiosqlite", "sqlalchemy"))]
    assert not [r for r in told if world.token in r.getMessage() or "not-a-token-at-all" in r.getMessage()]


async def test_a_reader_that_does_not_read_is_closed(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The socket takes what fits; then changes wait, and at last the stream ends."""
    lines = logging.getLogger("hyperverse.particle")
    monkeypatch.setattr(lines, "propagate", False)
    caplog.set_level(logging.INFO, lines.name)
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stalled, place(world.address))
    sent = {"host": "localhost", "authorization": f"Bearer {world.token}"}
    await loop.sock_sendall(stalled, request("GET", "/-/events?point=localhost:books&aspect=Log", sent, b""))
    sessions = world.machine.parts.sessions
    await until(lambda: len(sessions) == 1, "the stream begins")
    client = world.machine.client()
    end = time.monotonic() + PATIENCE
    while len(sessions) and time.monotonic() < end:
        await client.ping("localhost:books", "Ext<Shout>", {"text": "x" * 20_000, "times": 10})
        await asyncio.sleep(0.01)
    assert not len(sessions)
    stalled.close()


async def test_a_stopped_portal_delays_nothing(tmp_path: Path) -> None:
    config = Config(
        data_dir=tmp_path / "data",
        control=Control(enabled=False),
        gateways={"portal": {"address": "127.0.0.1:0"}},
    )
    async with Machine(config, plugins=(Shelves(),)) as machine:
        await machine.client().exec("create localhost<Space>; create localhost:books<Shelf>")
        address, token = machine.status()["gateways"]["portal"], (tmp_path / "data" / "token").read_text().strip()
        known = f"host: x\r\nauthorization: Bearer {token}\r\n".encode()
        said = (
            b"",
            b"GET /-/hea",
            b"POST /-/api/exec HTTP/1.1\r\n" + known + b"content-length: 9\r\n\r\nhalf",
            b"GET /-/events?point=localhost:books HTTP/1.1\r\n" + known + b"\r\n",
            b"POST /-/api/ping/localhost:books/Ext<Sleep> HTTP/1.1\r\n" + known + b"content-length: 0\r\n\r\n",
            HEALTH + b"\r\n",
        )
        open_ones = [await asyncio.open_connection(*place(address)) for _ in said]
        for (_, writer), text in zip(open_ones, said, strict=True):
            writer.write(text)
        await asyncio.sleep(0.2)
        begun = time.monotonic()
    assert time.monotonic() - begun < budget(4.0)
    for reader, writer in open_ones:
        await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()


@pytest.mark.thorough
async def test_a_thousand_streams_are_open_together(tmp_path: Path) -> None:
    async with bookshop(tmp_path, streams=1000) as world, contextlib.AsyncExitStack() as stack:
        query = "point=localhost:books&aspect=State"

        async def opened() -> Stream:
            while True:  # on a busy computer the particle may not answer in time that it is watched
                stream = await stack.enter_async_context(Stream(world.address, query, world.token))
                if stream.status != 408:
                    return stream

        streams = [await opened() for _ in range(1000)]
        assert {stream.status for stream in streams} == {200}
        one_more = await ask(world.address, "GET", f"/-/events?{query}", token=world.token)
        assert one_more.status == 429
        path = "/-/api/ping/localhost:books/Ext<Put>"
        await ask(world.address, "POST", path, token=world.token, body={"title": "Emma"})
        told = await asyncio.gather(*(anext(stream.events()) for stream in streams))
        assert {name for name, _ in told} == {"state"}
