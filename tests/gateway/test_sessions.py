"""Sessions: what a gateway of a third party may do, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.desk_world import ANN, OpenGateway, begun, desk_of_ann, make, sessions
from hyperverse_core import Machine, Point, Pong
from hyperverse_core.errors import (
    ConfigError,
    PluginError,
    Unauthorized,
)
from hyperverse_core.gateway import Session
from hyperverse_core.policy import Credentials, token_digest
from hyperverse_core.registry import Registration, TokenRecord
from hyperverse_core.values import HYPERUSER, Kind, Ping
from patience import PATIENCE


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with desk_of_ann(tmp_path) as machine:
        yield machine


async def test_a_gateway_is_opened_with_its_settings_and_closed(machine: Machine) -> None:
    gateway = OpenGateway.opened[-1]
    assert gateway.settings == {"colour": "blue"}
    assert machine.status()["gateways"] == {"open": "somewhere"}
    await machine.stop()
    assert gateway.address == ""


async def test_a_session_acts_with_the_rights_of_its_agent_and_no_others(machine: Machine) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    assert (await session.ping("localhost:desk", "Ext<Who>")).body == ANN.text
    refused = await session.ping("localhost", "Ext<Who>")
    assert refused.status == 404
    star = await session.ping(machine.parts.home.point, "Ext<Who>")
    assert star.status == 403
    assert (await session.ping(machine.parts.home.point, "Hyp<Search>")).status == 403


async def test_a_gateway_handles_a_ping_that_is_sent_twice_once(machine: Machine) -> None:
    host = OpenGateway.opened[-1].host
    replays = host.replays()
    answers = []
    for _ in range(2):  # the agent has lost its connection, and comes in again
        session: Session = await host.sessions.open(Credentials("anns"))
        wave = session.origin.wave(Ping, "localhost:desk", "Ext<Count>", None, {"retries": 2}, wave_id="line-1")
        session.check(wave)
        key = f"{session.agent} {wave.id}"
        first = replays.first(key, wave)
        if first is None:
            reply = await session.ask(wave, outlives=True)
            replays.settle(key, reply)
        else:
            reply = await asyncio.shield(first)
        answers.append((reply.status, reply.body))
        session.end("it has its answer")
    assert answers == [(200, 1), (200, 1)]
    assert host.replays().first(key, wave) is None, "each gateway has replies of its own"


async def test_nobody_comes_in_with_wrong_credentials(machine: Machine) -> None:
    with pytest.raises(Unauthorized):
        await sessions().open(Credentials("guessed"))
    assert not machine.parts.sessions


async def test_the_point_of_a_session_takes_waves(machine: Machine) -> None:
    heard: list[Any] = []

    async def receive(wave: Any) -> Any:
        heard.append((wave.method.text, wave.body))
        return Pong(200, "it is Ann")

    session: Session = await sessions().open(Credentials("anns"), receive=receive)
    reply = await session.ping("localhost:desk", "Ext<Call>", {"to": session.point.text})
    assert reply.body == "it is Ann", reply.error
    assert heard == [("Ext<Knock>", "who is there?")]


async def test_limits_are_kept(machine: Machine) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    too_large = await session.ping("localhost:desk", "Ext<Who>", "x" * (session.limits.body + 1))
    assert too_large.status == 413
    waits = [
        asyncio.ensure_future(session.ping("localhost:desk", "Ext<Wait>", wait=PATIENCE))
        for _ in range(session.limits.waves)
    ]
    while begun(machine) < session.limits.waves:
        assert not [wait.result() for wait in waits if wait.done()]
        await asyncio.sleep(0.01)
    assert (await session.ping("localhost:desk", "Ext<Who>")).status == 429
    session.end("enough")
    replies = await asyncio.gather(*waits)
    assert {(reply.status, str(reply.outcome)) for reply in replies} == {(503, "unknown")}
    assert (await session.ping("localhost:desk", "Ext<Who>")).status == 503


async def test_a_session_ends_with_its_token(machine: Machine) -> None:
    why: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    session: Session = await sessions().open(Credentials("anns"), ended=why.set_result)
    under_way = asyncio.ensure_future(session.ping("localhost:desk", "Ext<Wait>", wait=PATIENCE))
    await asyncio.sleep(0.05)
    await machine.registry.revoke_token(token_digest("anns"))
    async with asyncio.timeout(PATIENCE):
        assert "its credentials are no longer valid" in await why
        assert (await under_way).status == 503
    assert session.over
    assert (await machine.client().ping(session.point, "Ext<Knock>")).status == 404


async def test_a_session_ends_when_its_token_expires(machine: Machine) -> None:
    why: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    for seconds in (1.0, 8.0, 64.0):  # longer if this computer is too slow to open it in time
        expires = time.time() + seconds
        await machine.registry.add_token(TokenRecord(token_digest(f"for {seconds}"), ANN, "short", expires=expires))
        with contextlib.suppress(Unauthorized):
            session: Session = await sessions().open(Credentials(f"for {seconds}"), ended=why.set_result)
            break
    async with asyncio.timeout(seconds + PATIENCE):
        assert "its credentials are no longer valid" in await why
    assert session.over and time.time() >= expires
    assert (await session.ping("localhost:desk", "Ext<Who>")).status == 503


async def test_a_session_ends_with_its_machine(tmp_path: Path) -> None:
    """Also when its gateway does not end it."""
    why: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    machine = make(tmp_path, open={})
    async with machine:
        await machine.client().exec("create localhost<Space>")
        await machine.registry.register(Registration(ANN, Kind("User"), HYPERUSER))
        await machine.registry.add_token(TokenRecord(token_digest("anns"), ANN, "ann"))
        session: Session = await sessions().open(Credentials("anns"), ended=why.set_result)
        assert not session.over
    assert session.over
    async with asyncio.timeout(PATIENCE):
        assert "is stopping" in await why
        assert (await session.ping(ANN, "Cmd<Bounce>")).status == 503


class _Slow:
    """Holds back the first answer of ``authenticate`` until it is told to hand it out."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        policy, self.answer = machine.parts.policy, machine.parts.policy.authenticate
        monkeypatch.setattr(policy, "authenticate", self)

    async def __call__(self, credentials: Credentials) -> Point:
        agent = await self.answer(credentials)
        self.asked.set()
        await self.go_on.wait()
        return agent


@pytest.mark.parametrize("how", ["revoked", "deleted", "missed"])
async def test_what_changes_while_a_session_is_opened_counts(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The policy has read the token, and it is revoked before the session is there."""
    slow, why = _Slow(machine, monkeypatch), list[str]()
    opening = asyncio.ensure_future(sessions().open(Credentials("anns"), ended=why.append))
    await slow.asked.wait()
    if how == "deleted":
        await machine.registry.delete([ANN])
    else:
        await machine.registry.revoke_token(token_digest("anns"))
    if how == "missed":
        machine.parts.sessions.lost()
    await asyncio.sleep(0.3)
    slow.go_on.set()
    with pytest.raises(Unauthorized):
        await opening
    assert not machine.parts.sessions
    assert why == []  # nobody has got a session that could end


async def test_other_changes_while_a_session_is_opened_keep_nobody_out(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _Slow(machine, monkeypatch)
    opening = asyncio.ensure_future(sessions().open(Credentials("anns")))
    await slow.asked.wait()
    await machine.registry.add_token(TokenRecord(token_digest("second"), ANN, "second"))
    await asyncio.sleep(0.3)
    slow.go_on.set()
    assert (await (await opening).ping("localhost:desk", "Ext<Who>")).ok


async def test_another_token_of_the_agent_ends_nothing(machine: Machine) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    await machine.registry.add_token(TokenRecord(token_digest("second"), ANN, "second"))
    await machine.registry.revoke_token(token_digest("second"))
    await asyncio.sleep(0.3)
    assert (await session.ping("localhost:desk", "Ext<Who>")).ok


async def test_a_gateway_that_nobody_brings_is_a_fault_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="opne"):
        await make(tmp_path, opne={}).start()
    with pytest.raises(ConfigError, match=r"\[control\]"):
        await make(tmp_path, control={}).start()


async def test_a_gateway_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="broken"):
        await make(tmp_path, broken={}).start()
