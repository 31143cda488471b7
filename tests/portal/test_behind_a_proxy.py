"""Behind a proxy: below a path prefix, and with what the proxy says of a request, if it is one of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperverse_core.errors import ConfigError
from hyperverse_portal.forwarded import Forwarding
from hyperverse_portal.gateway import PortalGateway
from hyperverse_portal.settings import PortalSettings
from portal.bookshop import bookshop
from portal.web import ask

PROXY = {
    "x_forwarded_for": "203.0.113.9, 127.0.0.1",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "books.example",
    "x_forwarded_prefix": "/shop",
}


async def test_a_proxy_of_ours_says_who_asks_and_how(tmp_path: Path) -> None:
    async with bookshop(tmp_path, proxies=["127.0.0.0/8"]) as world:
        put = await ask(world.address, "POST", "/", token=world.token, body={"title": "Emma"}, **PROXY)
        assert (put.status, put.body) == (200, b"1")  # the host was that of the proxy
        inside = await ask(world.address, "POST", "/-/login", body=f"token={world.token}".encode(), **PROXY)
        assert inside.headers["location"] == "/shop/-/"
        assert "Path=/shop/;" in inside.headers["set-cookie"] and "; Secure" in inside.headers["set-cookie"]
        foreign = {**PROXY, "origin": "https://books.example"}
        assert (
            await ask(world.address, "POST", "/-/login", body=f"token={world.token}".encode(), **foreign)
        ).status == 303
        foreign["origin"] = "https://localhost"
        assert (
            await ask(world.address, "POST", "/-/login", body=f"token={world.token}".encode(), **foreign)
        ).status == 403


async def test_anybody_else_says_nothing_of_that(tmp_path: Path) -> None:
    async with bookshop(tmp_path, proxies=["10.0.0.0/8"]) as world:
        got = await ask(world.address, "GET", "/", token=world.token, host="nobody.example", **PROXY)
        assert got.status == 404
        inside = await ask(world.address, "POST", "/-/login", body=f"token={world.token}".encode(), **PROXY)
        assert inside.headers["location"] == "/-/" and "Secure" not in inside.headers["set-cookie"]


async def test_the_portal_works_below_a_prefix(tmp_path: Path) -> None:
    async with bookshop(tmp_path, prefix="/hyper") as world:
        for before in ("/hyper", ""):  # a proxy may leave the path as it is, or cut the prefix off
            assert (await ask(world.address, "GET", f"{before}/-/health")).status == 200
            got = await ask(world.address, "GET", f"{before}/json?n=1", token=world.token, host="books.example")
            assert got.json["path"] == "/json?n=1"
        assert (await ask(world.address, "GET", "/hyperspace", token=world.token, host="books.example")).status == 200
        inside = await ask(world.address, "POST", "/hyper/-/login", body=f"token={world.token}".encode())
        assert inside.headers["location"] == "/hyper/-/" and "Path=/hyper/;" in inside.headers["set-cookie"]
        described = await ask(world.address, "GET", "/hyper/-/openapi.json?kind=Shelf", token=world.token)
        assert described.json["servers"] == [{"url": "/hyper"}]


@pytest.mark.parametrize(
    ("said", "asking"),
    [
        ("", "10.0.0.1"),
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("unknown, 10.0.0.2", "10.0.0.2"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_asks(said: str, asking: str) -> None:
    scope = {
        "client": ("10.0.0.1", 4000),
        "headers": [(b"host", b"x"), *([(b"x-forwarded-for", said.encode())] if said else [])],
        "path": "/",
    }
    Forwarding(PortalSettings(proxies=["10.0.0.0/8"])).apply(scope)
    assert scope["client"][0] == asking


def test_proxies_and_prefixes_that_cannot_be_are_named() -> None:
    with pytest.raises(ConfigError) as refused:
        PortalGateway({"proxies": ["10.0.0.300", 7], "prefix": "hyper/"})
    said = str(refused.value)
    for part in ("'10.0.0.300' is not an address", "proxies: 7", "prefix = 'hyper/'"):
        assert part in said
