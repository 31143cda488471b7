"""A client over a socket waits for a policy that does not answer, and the machine stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

from gateway.conftest import ProbePlugin, RawClient, Watch
from gateway.talk import PROBE, ask
from hyperverse_core import Client, Config, Machine, Point
from hyperverse_core.config import Choice
from hyperverse_core.contracts.policy import Decision, Request
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, HelloFrame
from hyperverse_grants.policy import GrantsPolicy
from patience import PATIENCE

ANN = Point.parse("localhost:users:ann")
SETUP = f"""
create localhost<Space>; create localhost:users<UserBase<OAuth>>; create {ANN}<User>; create {PROBE}<Probe>;
grant perm +cSd-rwx on localhost to {ANN}; grant perm +csd-RwX on {PROBE} to {ANN}
"""


class Silent(GrantsPolicy):
    """The default policy, which says nothing about Ann any more once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False
        self.asked = asyncio.Event()

    async def decide(self, request: Request) -> Decision:
        if self.silent and request.agent == ANN:
            self.asked.set()
            await asyncio.Event().wait()
        return await super().decide(request)

    async def until_asked(self) -> None:
        """Returns when somebody waits for its answer."""
        await asyncio.wait_for(self.asked.wait(), PATIENCE)


@pytest.fixture
def policy() -> Silent:
    return Silent()


@pytest.fixture
async def machine(config: Config, watch: Watch, policy: Silent, hyperverse_leaks: None) -> AsyncIterator[Machine]:
    patient = attrs.evolve(config, security=Choice("grants", {"timeout": 10 * PATIENCE}))
    async with Machine(patient, plugins=[ProbePlugin(watch)], policy=policy) as machine:
        await machine.client().exec(SETUP)
        await machine.registry.add_token(TokenRecord(token_digest("anns"), ANN, "anns"))
        yield machine


@pytest.mark.parametrize("what", ["a ping", "a signal", "a command"])
async def test_a_client_is_told_that_nothing_has_run_before_its_connection_ends(
    machine: Machine, policy: Silent, data_dir: Path, what: str
) -> None:
    async with Client.connect(data_dir, token="anns") as client:
        policy.silent = True
        waves = {
            "a ping": lambda: client.ping(PROBE, "Ext<Run>", wait=PATIENCE),
            "a signal": lambda: client.signal(PROBE, "Ext<Run>"),
            "a command": lambda: client.exec(f"get {PROBE}", check=False, wait=PATIENCE),
        }
        waiting = asyncio.ensure_future(waves[what]())
        await policy.until_asked()
        await asyncio.wait_for(machine.stop(), PATIENCE)
        told = await asyncio.wait_for(waiting, PATIENCE)
        reply = told[0].receipt if what == "a command" else told
        assert (reply.status, str(reply.outcome)) == (503, "rejected")


async def test_a_repeat_that_waits_for_the_policy_does_not_say_that_the_first_attempt_has_not_run(
    machine: Machine, policy: Silent, raw: RawClient
) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL, "anns", "0")))
    assert (await raw.hear()).agent == ANN.text
    frame = encode_frame(ask(1, method="Ext<Run>", retries=2, wait=PATIENCE))
    raw.send(frame)
    assert (await raw.hear()).status == 200
    policy.silent = True
    machine.parts.gate.answers.lost()  # so that the policy is asked again
    raw.send(frame)
    await policy.until_asked()
    await asyncio.wait_for(machine.stop(), PATIENCE)
    reply = await raw.hear()
    assert (reply.status, str(reply.outcome)) == (503, "unknown")
