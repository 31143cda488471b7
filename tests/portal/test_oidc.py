"""People log in by an OpenID provider, which says who they are, and each acts as a user of the Hyperverse."""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from hyperverse_core.errors import ConfigError
from hyperverse_portal.gateway import PortalGateway
from hyperverse_portal.oidc import provider as provider_module
from portal.bookshop import World, bookshop
from portal.provider import CLIENT, SECRET, Provider, provider
from portal.web import Response, Stream, ask

KINDS = "/-/api/exec"


@pytest_asyncio.fixture
async def idp() -> AsyncIterator[Provider]:
    async with provider() as made:
        yield made


def table(idp: Provider, **more: Any) -> dict[str, Any]:
    return {"issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, **more}


@contextlib.asynccontextmanager
async def shop(folder: Path, oidc: dict[str, Any]) -> AsyncIterator[World]:
    async with bookshop(folder, oidc=oidc, streams=4) as world:
        client = world.machine.client()
        await client.exec("create hyperspace:users:ann<User>")
        await client.exec("grant perm +csd-RwX on localhost:books to hyperspace:users:ann")
        yield world


@pytest_asyncio.fixture
async def world(tmp_path: Path, idp: Provider) -> AsyncIterator[World]:
    async with shop(tmp_path, table(idp)) as made:
        yield made


class Visitor:
    """A browser: it keeps cookies by their names, and follows the provider."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies: dict[str, str] = {}
        self.back = ""

    async def go(self, path: str, method: str = "GET", **more: Any) -> Response:
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        named = {"cookie": shown} if shown else {}
        got = await ask(self.address, method, path, **named, **more)
        for line in got.cookies:
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if not self.cookies[name]:
                del self.cookies[name]
        return got

    async def leave(self) -> str:
        """Goes to the provider, and returns where that sends it back to."""
        sent = await self.go("/-/oidc")
        assert sent.status == 303, sent.body
        there = urlsplit(sent.headers["location"])
        answer = await ask(f"http://{there.netloc}/", "GET", f"{there.path}?{there.query}")
        back = urlsplit(answer.headers["location"])
        self.back = f"{back.path}?{back.query}"
        return self.back

    async def log_in(self) -> Response:
        return await self.go(await self.leave())


async def test_who_the_provider_knows_acts_as_that_user(world: World) -> None:
    visitor = Visitor(world.address)
    shown = await visitor.go("/-/")
    assert b'href="oidc"' in shown.body and b"Log in with 127.0.0.1" in shown.body
    inside = await visitor.log_in()
    assert inside.status == 200 and b'content="0; url=./"' in inside.body
    assert set(visitor.cookies) == {"hyperverse_session"}
    assert "SameSite=Strict" in inside.cookies[-1] and "HttpOnly" in inside.cookies[-1]
    page = await visitor.go("/-/particles")
    assert page.status == 200 and b"hyperspace:users:ann" in page.body
    got = await visitor.go("/-/api/ping/GLOBAL::users/Ext<WhoAmI>", "POST")
    assert got.json["body"]["agent"] == "hyperspace:users:ann"
    assert got.json["body"]["token"].startswith("OpenID of 127.0.0.1") and got.json["body"]["expires"]
    put = await visitor.go("/-/api/ping/localhost:books/Ext<Put>", "POST", body={"title": "Emma"})
    assert (put.status, put.json["body"]) == (200, 1)
    await visitor.go("/-/logout", "POST")
    assert (await visitor.go("/-/particles")).status in (200, 401) and not visitor.cookies
    assert (await visitor.go("/-/api/kinds")).status == 401


LIES: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"iss": "https://other.example"}, "", "is from another issuer"),
    ({"aud": "another"}, "", "is for another audience"),
    ({"aud": None}, "", "is for another audience"),
    ({"aud": [CLIENT, "another"]}, "", "is for another party"),
    ({"azp": "another"}, "", "is for another party"),
    ({"exp": 1_000_000}, "", "has expired"),
    ({"exp": None}, "", "has an invalid time or subject"),
    ({"iat": 99_999_999_999}, "", "has an invalid time or subject"),
    ({"sub": None}, "", "has an invalid time or subject"),
    ({"nonce": "another"}, "", "its nonce is not ours"),
    ({"nonce": None}, "", "its nonce is not ours"),
    ({}, "HS256", "is not signed with a key of the provider"),
    ({}, "none", "is not signed with a key of the provider"),
    ({}, "other", "is not signed with a key of the provider"),
)


async def test_an_id_token_that_is_not_the_answer_is_refused(world: World, idp: Provider) -> None:
    for idp.lies, idp.signed, why in LIES:
        visitor = Visitor(world.address)
        got = await visitor.log_in()
        case = (idp.lies, idp.signed)
        assert got.status == 403 and why in html.unescape(got.body.decode()), case
        assert b'href="oidc"' in got.body, "the page offers to try again"
        assert not visitor.cookies, case
        assert not any(token.encode() in got.body for token in idp.tokens), case


async def test_a_browser_that_has_not_asked_is_not_let_in(world: World, idp: Provider) -> None:
    victim, thief = Visitor(world.address), Visitor(world.address)
    back = await victim.leave()
    for path in (back, "/-/oidc-done", "/-/oidc-done?code=x&state=y", "/-/oidc-done?state="):
        assert (await thief.go(path)).status == 400
    state = parse_qs(urlsplit(back).query)["state"][0]
    thief.cookies["hyperverse_oidc"] = "guessed"
    assert (await thief.go(back)).status == 400
    assert victim.cookies["hyperverse_oidc"] == state
    assert (await victim.go(back)).status == 200
    victim.cookies["hyperverse_oidc"] = state
    assert (await victim.go(back)).status == 400, "a code counts once"


async def test_a_code_of_another_login_and_another_provider_are_refused(world: World, idp: Provider) -> None:
    one, other = Visitor(world.address), Visitor(world.address)
    stolen = parse_qs(urlsplit(await other.leave()).query)["code"][0]
    mine = parse_qs(urlsplit(await one.leave()).query)
    got = await one.go(f"/-/oidc-done?code={stolen}&state={mine['state'][0]}&iss={idp.issuer}")
    assert got.status == 403 and b"invalid_grant" in got.body, "PKCE: the code was asked for with another secret"
    mine = parse_qs(urlsplit(await one.leave()).query)
    mixed = await one.go(f"/-/oidc-done?code={mine['code'][0]}&state={mine['state'][0]}&iss=https://evil.example")
    assert mixed.status == 403 and b"the answer did not come from the provider of this login" in mixed.body
    mine = parse_qs(urlsplit(await one.leave()).query)
    silent = await one.go(f"/-/oidc-done?code={mine['code'][0]}&state={mine['state'][0]}")
    assert silent.status == 403, "it says that it names itself, and has not"


async def test_what_the_provider_refuses_is_shown_as_text(world: World, idp: Provider) -> None:
    idp.refuses = "<b>access_denied</b>"
    got = await Visitor(world.address).log_in()
    assert got.status == 403 and b"&lt;b&gt;access_denied" in got.body and b"<b>access" not in got.body


async def test_a_person_who_is_no_user_is_told_whom_to_ask(world: World, idp: Provider) -> None:
    for name in ("bob", "hyperuser", "Ann", "ann:sub", "a b", "x" * 300, 7):
        idp.claims = {"sub": name}
        got = await Visitor(world.address).log_in()
        assert got.status == 403, (name, got.body)
        assert not any("hyperverse_session=" in line for line in got.cookies)
    idp.claims = {"sub": "bob"}
    got = await Visitor(world.address).log_in()
    assert b"there is no user" in got.body and b"hyperverse user add bob" in got.body


async def test_the_session_ends_with_the_user(world: World) -> None:
    visitor = Visitor(world.address)
    await visitor.log_in()
    ann = visitor.cookies["hyperverse_session"]
    query = "point=localhost:books&aspect=State"
    async with Stream(world.address, query, "", cookie=f"hyperverse_session={ann}") as stream:
        assert stream.status == 200
        await world.machine.client().exec("delete hyperspace:users:ann")
        ended = [data async for name, data in stream.events() if name == "end"]
        assert "are no longer valid" in ended[0]["reason"]
    assert (await visitor.go("/-/api/kinds")).status == 401


async def test_a_provider_that_is_away_keeps_nobody_else_out(
    tmp_path: Path, idp: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_module, "_AGAIN", 0.0)
    idp.down = True
    async with shop(tmp_path, table(idp)) as world:
        visitor = Visitor(world.address)
        got = await visitor.go("/-/oidc")
        assert got.status == 503 and b"openid-configuration answers 503" in got.body and got.headers["retry-after"]
        assert b'type="password"' in got.body, "a token still lets people in"
        assert (await ask(world.address, "GET", "/-/health")).status == 200
        idp.down = False
        assert (await visitor.log_in()).status == 200
        asked = len(idp.asked)
        assert (await Visitor(world.address).log_in()).status == 200
        assert idp.asked[asked:] == ["/authorize", "/token"], "what the provider says of itself is kept"
        back = await visitor.leave()
        idp.down = True
        assert (await visitor.go(back)).status == 503


async def test_a_provider_that_does_not_answer_in_time_is_named(tmp_path: Path) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        oidc = {"issuer": f"http://127.0.0.1:{port}", "client_id": CLIENT, "timeout": 0.2, "name": "the club"}
        async with shop(tmp_path, oidc) as world:
            got = await Visitor(world.address).go("/-/oidc")
            assert got.status == 503 and b"the club cannot identify you now" in got.body
            assert b"does not answer in time" in got.body


async def test_a_key_that_was_turned_is_asked_for(world: World, idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "_KEYS_AGAIN", 0.0)
    assert (await Visitor(world.address).log_in()).status == 200
    idp.turn_key()
    assert (await Visitor(world.address).log_in()).status == 200
    assert idp.asked.count("/.well-known/openid-configuration") == 1


async def test_a_rule_says_which_user_a_claim_names(tmp_path: Path, idp: Provider) -> None:
    rule = table(idp, claim="email", match=r"([a-z]+)@example\.org", scopes=["openid", "email"])
    async with shop(tmp_path / "a", rule) as world:
        idp.claims = {"sub": "1", "email": "ann@example.org", "email_verified": True}
        assert (await Visitor(world.address).log_in()).status == 200
        for claims in (
            {"email": "ann@example.org"},
            {"email": "ann@example.org", "email_verified": False},
            {"email": "ann@example.org.evil.example", "email_verified": True},
            {"email": "Ann@example.org", "email_verified": True},
            {},
        ):
            idp.claims = {"sub": "ann", **claims}
            assert (await Visitor(world.address).log_in()).status == 403, claims
    named = table(idp, users={"248289761001": "ann", "1": "hyperspace:users:hyperuser"})
    async with shop(tmp_path / "b", named) as world:
        for sub, status in (("248289761001", 200), ("1", 200), ("ann", 403), ("2", 403)):
            idp.claims = {"sub": sub}
            assert (await Visitor(world.address).log_in()).status == status, sub


async def test_no_secret_of_a_login_is_in_a_log_or_a_page(
    world: World, idp: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    visitor = Visitor(world.address)
    inside = await visitor.log_in()
    page = await visitor.go("/-/particles")
    secrets = [*idp.tokens, *idp.secrets, SECRET, visitor.cookies["hyperverse_session"], "of-no-use"]
    told = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("aiosqlite", "sqlalchemy")))
    for secret in secrets:
        assert secret and secret not in told, secret
        assert secret.encode() not in inside.body + page.body
    assert idp.tokens[1] not in visitor.back, "the ID token is in no URL"


def test_settings_that_cannot_be_are_named() -> None:
    good = {"issuer": "https://id.example", "client_id": "x"}
    cases: list[tuple[Any, str]] = [
        (7, "must be a table"),
        ({"client_id": "x"}, "oidc.issuer: is missing"),
        ({**good, "isuer": "x"}, "did you mean 'issuer'"),
        ({**good, "issuer": "http://id.example"}, "must be an https URL"),
        ({**good, "issuer": "https://["}, "must be an https URL"),
        ({**good, "client_secret": 7}, "oidc.client_secret: must be a string"),
        ({**good, "match": "("}, "is not a regular expression"),
        ({**good, "match": ".+"}, "must have a group"),
        ({**good, "users": {"a": "localhost:b"}}, "or a point below hyperspace:users"),
        ({**good, "scopes": ["email"]}, "must contain 'openid'"),
        ({**good, "timeout": 0}, "must be a number of seconds above 0"),
    ]
    for oidc, why in cases:
        with pytest.raises(ConfigError) as refused:
            PortalGateway({"oidc": oidc})
        assert why in str(refused.value), oidc
    assert "s3cret" not in repr(PortalGateway({"oidc": {**good, "client_secret": "s3cret"}})._settings)
