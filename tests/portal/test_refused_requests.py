"""Requests that cannot be read, or that no path takes, are refused with a status and the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from portal.bookshop import BODY, World, bookshop
from portal.web import ask, raw


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bookshop(tmp_path) as made:
        yield made


HEAD = b"GET /-/health HTTP/1.1\r\nhost: localhost\r\n"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (HEAD + b"host: other\r\n\r\n", 400),
        (HEAD + b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD, 408),
        (HEAD + b"x: " + b"y" * 70_000, 431),
    ],
    ids=[
        "no host",
        "nonsense",
        "two hosts",
        "two tokens",
        "two lengths",
        "length and chunked",
        "half a head",
        "a large head",
    ],
)
async def test_a_head_that_can_be_read_in_two_ways_or_never_ends_is_refused(
    world: World, said: bytes, status: int
) -> None:
    answer = await raw(world.address, said)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]


PATHS = ("/", "/-/", "/-/api/kinds", "/-/metrics", "/-/events?point=localhost", "/-/ws")


@pytest.mark.parametrize("shown", ["Basic YTpi", "Digest username=a", "Bearer", "token", "Bearer a b"])
async def test_credentials_that_are_no_token_are_told_what_to_show(world: World, shown: str) -> None:
    for path in PATHS:
        upgrade = {"upgrade": "websocket", "connection": "upgrade", "sec_websocket_version": "13"}
        more = {**upgrade, "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="} if path == "/-/ws" else {}
        got = await ask(world.address, "GET", path, host="books.example", authorization=shown, **more)
        assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer"), path


@pytest.mark.parametrize(
    "more",
    ["content-length: 5\r\n\r\nhello", "x: y\r\n" * 130 + "\r\n", f"x: {'y' * 9_000}\r\n\r\n"],
    ids=["a body", "many headers", "a long header"],
)
async def test_a_request_to_open_a_websocket_that_cannot_be_read_is_answered(world: World, more: str) -> None:
    head = "GET /-/ws HTTP/1.1\r\nhost: books.example\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    key = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    answer = await raw(world.address, f"{head}{key}{more}".encode())
    assert answer.startswith(b"HTTP/1.1 4") and b"error" in answer


async def test_half_a_body_ends(world: World) -> None:
    head = f"POST / HTTP/1.1\r\nhost: books.example\r\nauthorization: Bearer {world.token}\r\n"
    answer = await raw(world.address, f"{head}content-length: 9\r\n\r\nhalf".encode())
    assert b" 408 " in answer.partition(b"\r\n")[0] and b"did not arrive" in answer


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * (BODY + 1), {}, 413),
        (b"[" * 50_000, {"content-type": "application/json"}, 400),
        (b"{", {"content-type": "application/json"}, 400),
        (b"\xff\xfe", {"content-type": "text/plain"}, 400),
        (b"hello", {"content-type": "application/json"}, 400),
    ],
    ids=["too large", "many brackets", "half of JSON", "wrong UTF-8", "wrong content type"],
)
async def test_a_body_that_cannot_be_used_is_refused(
    world: World, body: bytes, headers: dict[str, str], status: int
) -> None:
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    got = await ask(world.address, "POST", "/", token=world.token, body=body, host="books.example", **named)
    assert got.status == status and got.json["error"]


async def test_an_unknown_host_and_an_unknown_path_are_named(world: World) -> None:
    assert (await ask(world.address, "GET", "/", token=world.token, host="nobody.example")).status == 404
    assert (await ask(world.address, "GET", "/-/nothing", token=world.token)).status == 404
    wrong = await ask(world.address, "POST", "/-/api/ping/localhost:books/Ext<", token=world.token)
    assert wrong.status == 400


_NOT_ALLOWED = (
    ("PUT", "/-/metrics", "GET, HEAD"),
    ("DELETE", "/-/health", "GET, HEAD"),
    ("POST", "/-/ready", "GET, HEAD"),
    ("POST", "/-/openapi.json", "GET, HEAD"),
    ("OPTIONS", "/-/events", "GET"),
    ("DELETE", "/-/static/dashboard.js", "GET, HEAD"),
    ("PATCH", "/-/", "GET, HEAD"),
    ("PUT", "/-/particle", "GET, HEAD, POST"),
    ("POST", "/-/waves", "GET, HEAD"),
    ("DELETE", "/-/login", "GET, HEAD, POST"),
    ("GET", "/-/logout", "POST"),
    ("GET", "/-/api/exec", "POST"),
    ("GET", "/-/api/ping/localhost:books/Ext<Put>", "POST"),
    ("DELETE", "/-/api/describe/localhost:books", "GET, HEAD"),
    ("PUT", "/-/api/kinds", "GET, HEAD"),
    ("POST", "/-/api/plan", "GET, HEAD"),
    ("TRACE", "/on-the-host-of-a-particle", "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"),
)


async def test_a_method_that_a_path_does_not_take_is_answered_405(world: World) -> None:
    for method, path, allowed in _NOT_ALLOWED:
        host = "localhost" if path.startswith("/-/") else "books.example"
        got = await ask(world.address, method, path, token=world.token, host=host)
        assert (got.status, got.headers.get("allow")) == (405, allowed), (method, path)
        assert (got.headers["hyperverse-outcome"], method in got.json["error"]) == ("rejected", True)


async def test_a_path_that_takes_a_method_does_not_refuse_it(world: World) -> None:
    """What is allowed is what is answered."""
    for path in ("/-/health", "/-/ready", "/-/metrics", "/-/openapi.json", "/-/login", "/-/waves", "/-/api/kinds"):
        for method in ("GET", "HEAD"):
            assert (await ask(world.address, method, path, token=world.token)).status == 200, (method, path)
    assert (await ask(world.address, "PUT", "/-/nothing", token=world.token)).status == 404
