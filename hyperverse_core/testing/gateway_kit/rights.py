"""Which agents are admitted, what an agent may do, and the limits of a session."""

from __future__ import annotations

import asyncio

import pytest

from ...errors import HyperverseError
from .base import BODY, WAVES, GatewayKitBase
from .world import ALICE, TARGET, GatewayWorld

__all__ = ["Rights", "TooMuch"]


class Rights(GatewayKitBase):
    """Each agent has its own rights, and a stranger has none."""

    async def test_an_agent_acts_in_its_own_name(self, world: GatewayWorld) -> None:
        connection = await world.connected("alice")
        reply = await connection.ping(TARGET, "Ext<Who>")
        assert (reply.status, reply.body) == (200, ALICE.text), (
            f"the gateway must send the waves of Alice by a session with her credentials, so that the answer is 200 and"
            f" {ALICE.text!r}; it was {reply.status} and {reply.body!r}"
        )

    async def test_an_agent_is_told_that_it_may_not(self, world: GatewayWorld) -> None:
        gateway = await world.opened()
        await (await world.connected("alice", gateway)).ping(TARGET, "Ext<Who>")
        heard = world.heard
        reply = await (await world.connected("bob", gateway)).ping(TARGET, "Ext<Who>")
        assert world.heard == heard, "the gateway must send the waves of Bob with his own rights, which reach no target"
        said = f"the gateway must pass on that Bob may not (403), or may not know of it (404), not {reply.status}"
        assert reply.status in (403, 404), said

    @pytest.mark.parametrize("token", ["wrong", "", "alic", "alice1"])
    async def test_wrong_credentials_are_refused_and_nothing_happens(self, world: GatewayWorld, token: str) -> None:
        gateway = await world.opened()
        await (await world.connected("alice", gateway)).ping(TARGET, "Ext<Who>")
        heard, sessions = world.heard, len(world.sessions)
        refusal = await world.refusal(gateway.address, token)
        assert refusal, f"the gateway must refuse the token {token!r} (401), and let it in"
        assert refusal == "401" or not refusal.isdecimal(), f"wrong credentials are answered 401, not {refusal}"
        assert (world.heard, len(world.sessions)) == (heard, sessions), (
            "the gateway must send nothing for an agent that `sessions.open` has refused"
        )

    async def test_a_refused_agent_keeps_nobody_out(self, world: GatewayWorld) -> None:
        gateway = await world.opened()
        for _ in range(3):
            await world.refusal(gateway.address, "wrong")
        refusal = await world.refusal(gateway.address, "alice")
        assert not refusal, f"the gateway must let Alice in after it has refused others, and said {refusal}"

    async def test_nonsense_is_refused_and_the_agent_goes_on(self, world: GatewayWorld) -> None:
        connection = await world.connected("alice")
        try:
            async with asyncio.timeout(world.patience):
                status = (await connection.ping(TARGET, "Ext<")).status
        except HyperverseError as exc:
            status = exc.status
        except TimeoutError:
            raise AssertionError("a method that is malformed must be answered, such as 400, and nothing came") from None
        assert 400 <= status < 500, f"a method that is malformed must be answered 4xx, such as 400, and not {status}"
        refusal = await world.refused(connection)
        assert not refusal, f"the connection must stay usable after a malformed wave, and the next one got: {refusal}"

    async def test_a_session_ends_with_its_token(self, world: GatewayWorld) -> None:
        gateway = await world.opened()
        connection = await world.connected("alice", gateway)
        await connection.ping(TARGET, "Ext<Who>")
        heard = world.heard
        await world.revoke("alice")
        await world.until(lambda: not world.left(), "sessions must end when their token is revoked")
        assert await world.refused(connection), "a connection must be refused when its token is revoked"
        assert await world.refusal(gateway.address, "alice"), "a token that was revoked must not be admitted again"
        assert world.heard == heard, "the gateway must send nothing for an agent whose token is revoked"


class TooMuch(GatewayKitBase):
    """Waves beyond a limit are refused, and the connection stays usable."""

    async def test_a_body_that_is_too_large_is_answered_413(self, world: GatewayWorld) -> None:
        if not self.carries_bodies:
            pytest.skip("it carries no bodies")
        connection = await world.connected("alice")
        async with asyncio.timeout(world.patience):
            reply = await connection.ping(TARGET, "Ext<Take>", "x" * (BODY + 1))
        assert reply.status == 413, (
            f"a body of {BODY + 1} bytes must be answered 413, as `limits.body` is {BODY}; it was {reply.status}"
        )
        assert not world.heard, "a body that is too large must go no further than the gateway"
        refusal = await world.refused(connection)
        assert not refusal, f"the connection must stay usable after an answer 413, and the next wave got: {refusal}"
        reply = await connection.ping(TARGET, "Ext<Take>", "x" * (BODY // 2))
        assert reply.ok, f"a body within the limit must be let through, and was answered {reply.status}"

    async def test_too_many_waves_are_answered_429(self, world: GatewayWorld) -> None:
        if not self.many_waves:
            pytest.skip("a connection has one wave under way")
        connection = await world.connected("alice")
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(connection.ping(TARGET, "Ext<Hold>")) for _ in range(WAVES)]
            try:
                await world.until(lambda: world.held == WAVES, f"{WAVES} waves of a connection must go on at once")
                async with asyncio.timeout(world.patience):
                    reply = await connection.ping(TARGET, "Ext<Who>")
                assert reply.status == 429, (
                    f"a wave beyond `limits.waves`, {WAVES}, must be answered 429; it was {reply.status}"
                )
            finally:
                world.release()
        assert {wait.result().status for wait in waits} == {200}, "the waves within the limit must get their answers"
        refusal = await world.refused(connection)
        assert not refusal, f"the connection must stay usable after an answer 429, and the next wave got: {refusal}"

    async def test_what_is_sent_to_the_session_arrives(self, world: GatewayWorld) -> None:
        if not self.receives:
            pytest.skip("it receives nothing")
        connection = await world.connected("alice")
        reply = await connection.ping(TARGET, "Ext<Call>")
        assert reply.ok, f"a particle that is asked must be able to send to the session; its answer is {reply.status}"
        try:
            async with asyncio.timeout(world.patience):
                received = await connection.received()
        except TimeoutError:
            raise AssertionError(
                "a wave that is sent to the session's point must reach the agent (`receive` or `particle` of"
                " `sessions.open`), and none came"
            ) from None
        assert received == ("Ext<Knock>", "who is there?")
