"""Tokens of users: made, listed, ended and replaced by those who may, and with them the sessions of their bearers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hyperverse_core import Machine, Point
from hyperverse_core.contracts.policy import Credentials
from hyperverse_core.contracts.registry import Registration, TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.errors import BadRequest, Forbidden, NotFound, ParseError, Unauthorized
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.address.point import ANONYMOUS, HYPERUSER
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_grants.policy import GrantsPolicy

START = Callable[..., Awaitable[Machine]]
USERS = "GLOBAL::users"
SCOTT, LESS = "localhost:users:scott", "localhost:users:less"


@pytest.fixture
async def world(machine: Machine) -> Machine:
    return await peopled(machine)


async def peopled(machine: Machine) -> Machine:
    """The machine with two users; Less owns Scott."""
    for point, kind, owner in (
        ("localhost", "Space", HYPERUSER.text),
        ("localhost:users", "UserBase", HYPERUSER.text),
        (LESS, "User", HYPERUSER.text),
        (SCOTT, "User", LESS),
        ("localhost:app", "App", HYPERUSER.text),
        ("localhost:his", "EchoParticle", SCOTT),
    ):
        await machine.registry.register(Registration(Point.parse(point), Kind.parse(kind), Point.parse(owner)))
    return machine


async def issue(world: Machine, by: str, agent: str, **more: Any) -> dict[str, Any]:
    issued: dict[str, Any] = await world.client(by).ask(USERS, "Ext<IssueToken>", {"agent": agent, **more})
    return issued


async def comes_in(world: Machine, secret: str) -> str:
    """The agent as whom a client with the token comes in; its session is left open."""
    session = await world.parts.sessions.open(Credentials(secret))
    return session.agent.text


async def test_a_token_lets_its_user_in_and_the_registry_knows_its_digest_only(world: Machine) -> None:
    issued = await issue(world, HYPERUSER.text, SCOTT, label="laptop")
    assert issued["agent"] == SCOTT and issued["label"] == "laptop" and issued["expires"] is None
    assert await comes_in(world, issued["token"]) == SCOTT
    (stored,) = await world.registry.tokens()
    assert stored.digest == token_digest(issued["token"])
    assert issued["token"] not in repr(stored)


@pytest.mark.parametrize(
    ("by", "agent", "error"),
    [
        (SCOTT, SCOTT, Forbidden),
        (SCOTT, LESS, Forbidden),
        (LESS, HYPERUSER.text, Forbidden),
        ("localhost:app", HYPERUSER.text, Forbidden),  # belongs to the hyperuser, and is not the hyperuser
        (HYPERUSER.text, ANONYMOUS.text, Forbidden),
        (HYPERUSER.text, "localhost:users:nobody", NotFound),
        (HYPERUSER.text, "<<STAR::machine:test[0]>>::star", Forbidden),
        (ANONYMOUS.text, SCOTT, Forbidden),
    ],
)
async def test_who_may_not_make_a_token_makes_none(world: Machine, by: str, agent: str, error: type) -> None:
    with pytest.raises(error):
        await issue(world, by, agent)
    assert await world.registry.tokens() == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"lasts": 0}, BadRequest),
        ({"lasts": -1}, BadRequest),
        ({"lasts": float("inf")}, BadRequest),
        ({"label": "x" * 201}, BadRequest),
        ({"label": "two\nlines"}, BadRequest),
        ({"label": "a\0b"}, BadRequest),
        ({"label": "a\ud800b"}, BadRequest),
        ({"scope": "nonsense"}, ParseError),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(world: Machine, more: dict[str, Any], error: type) -> None:
    with pytest.raises((error, BadRequest)):
        await issue(world, HYPERUSER.text, SCOTT, **more)
    assert await world.registry.tokens() == []


async def test_an_owner_makes_tokens_for_whom_it_owns(world: Machine) -> None:
    assert await comes_in(world, (await issue(world, LESS, SCOTT))["token"]) == SCOTT


async def test_the_scope_of_a_token_bounds_what_its_bearer_does(world: Machine) -> None:
    scope = "{perm +csd-Rwx on localhost:his}"
    issued = await issue(world, HYPERUSER.text, SCOTT, scope=scope)
    session = await world.parts.sessions.open(Credentials(issued["token"]))
    assert (await session.ping("localhost:his", "Ext<Hello>")).status == 404
    assert (await session.ping("localhost:his", "Cmd<Read>")).status != 403
    found = await session.ping(USERS, "Ext<WhoAmI>")
    assert (found.body["agent"], found.body["scope"]) == (SCOTT, scope)
    refused = await session.ping(USERS, "Ext<RevokeToken>", {"id": issued["id"]})
    assert (refused.status, "scope" in refused.body["error"]) == (403, True)


@pytest.mark.parametrize("looks", [1, 2, 3])
async def test_a_token_that_is_revoked_while_it_is_looked_at_never_gives_more_than_it_did(
    start_machine: START, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    policy = GrantsPolicy()
    world = await peopled(await start_machine(policy=policy))
    issued = await issue(world, HYPERUSER.text, SCOTT, scope="None", lasts=60)
    look_up, left = world.registry.token, iter(range(looks - 1, -1, -1))

    async def revoked_behind_a_look(digest: str) -> Any:
        found = await look_up(digest)
        if next(left, None) == 0:
            await world.registry.revoke_token(digest)
        return found

    monkeypatch.setattr(world.registry, "token", revoked_behind_a_look)
    with contextlib.suppress(Unauthorized):
        identity = await policy.identify(Credentials(issued["token"]))
        assert identity.scope is not None and identity.expires is not None


async def test_a_token_ends_in_time_and_its_sessions_with_it(start_machine: START, clock: ManualClock) -> None:
    passed = [0.0]
    world = await peopled(await start_machine(policy=GrantsPolicy(now=lambda: time.time() + passed[0])))
    issued = await issue(world, HYPERUSER.text, SCOTT, lasts=60)
    reasons: list[str] = []
    session = await world.parts.sessions.open(Credentials(issued["token"]), ended=reasons.append)
    await clock.advance(30)
    assert not session.over
    passed[0] = 61
    await clock.advance(31)
    assert session.over and "expired" in reasons[0]
    with pytest.raises(Unauthorized, match="expired"):
        await comes_in(world, issued["token"])


async def test_a_revoked_token_ends_its_sessions_and_no_others(world: Machine, clock: ManualClock) -> None:
    first, second = [await issue(world, HYPERUSER.text, SCOTT) for _ in range(2)]
    ended, stays = [await world.parts.sessions.open(Credentials(each["token"])) for each in (first, second)]
    listed = await world.client(SCOTT).ask(USERS, "Ext<Tokens>", {})
    assert sorted(row["id"] for row in listed) == sorted([first["id"], second["id"]])
    assert all("token" not in row for row in listed)
    await world.client(SCOTT).ask(USERS, "Ext<RevokeToken>", {"id": first["id"]})
    await clock.advance(1)
    assert ended.over and not stays.over
    with pytest.raises(Unauthorized):
        await comes_in(world, first["token"])


async def test_a_rotated_token_is_replaced_by_one_that_is_alike(world: Machine, clock: ManualClock) -> None:
    old = await issue(world, HYPERUSER.text, SCOTT, label="laptop", lasts=1000)
    session = await world.parts.sessions.open(Credentials(old["token"]))
    reply = await session.ping(USERS, "Ext<RotateToken>", {})
    new = reply.body
    assert [new[key] for key in ("agent", "label", "expires")] == [old[key] for key in ("agent", "label", "expires")]
    await clock.advance(1)
    assert session.over
    with pytest.raises(Unauthorized):
        await comes_in(world, old["token"])
    assert await comes_in(world, new["token"]) == SCOTT


async def test_tokens_of_others_are_neither_listed_nor_ended(world: Machine) -> None:
    issued = await issue(world, HYPERUSER.text, LESS)
    assert await world.client(SCOTT).ask(USERS, "Ext<Tokens>", {}) == []
    for method in ("Ext<RevokeToken>", "Ext<RotateToken>"):
        with pytest.raises(NotFound):
            await world.client(SCOTT).ask(USERS, method, {"id": issued["id"]})
    assert [row["id"] for row in await world.client(HYPERUSER.text).ask(USERS, "Ext<Tokens>", {})] == [issued["id"]]
    with pytest.raises(BadRequest):  # or the first token would go
        await world.client(HYPERUSER.text).ask(USERS, "Ext<RevokeToken>", {"id": ""})


async def test_the_tokens_of_a_deleted_user_are_gone_for_whoever_comes_after(
    world: Machine, clock: ManualClock
) -> None:
    issued = await issue(world, HYPERUSER.text, SCOTT)
    session = await world.parts.sessions.open(Credentials(issued["token"]))
    (done,) = await world.client(HYPERUSER.text).exec(f"delete {SCOTT}", check=False)
    done.unwrap()
    await clock.advance(1)
    assert session.over
    await world.registry.register(Registration(Point.parse(SCOTT), Kind("User"), HYPERUSER))
    with pytest.raises(Unauthorized):
        await comes_in(world, issued["token"])


async def test_a_token_with_a_blank_at_its_end_is_another_token(world: Machine) -> None:
    issued = await issue(world, HYPERUSER.text, SCOTT)
    with pytest.raises(Unauthorized):
        await comes_in(world, issued["token"] + " ")


async def test_an_expired_token_of_the_registry_lets_nobody_in(world: Machine) -> None:
    record = TokenRecord(token_digest("old"), Point.parse(SCOTT), expires=1.0)
    await world.registry.add_token(record)
    with pytest.raises(Unauthorized, match="expired"):
        await comes_in(world, "old")
