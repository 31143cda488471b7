"""What happens when the registry fails or does not answer, and when a question makes no sense."""

from __future__ import annotations

import asyncio

import pytest

from ...contracts.policy import Credentials, Decision, Need, Request
from ...contracts.registry import ParticleRecord
from ...errors import HyperverseError
from ...universe.address.point import ANONYMOUS, GLOBAL_EXECUTOR, ROOT, Point
from ...universe.kinds.kind import Kind
from .base import PolicyKitBase
from .world import AGENTS, ALICE, BOB, HOME, NOBODY, NOTES, SECRET, FaultyRegistry, PolicyWorld

__all__ = ["Failures"]

_TURNS = 20
"""Turns of the event loop within which a cancelled question must end."""
_NONSENSE = (Need("q"), Need("rr?"), Need("r" * 1000), Need("", "no such: privilege"), Need("", "*"), Need("q", "q"))
_NOWHERE = ("localhost:nowhere", "nowhere", "nowhere:at:all", "GLOBAL::executor", "<<STAR::central:fold[0]>>::star")


class Failures(PolicyKitBase):
    """A policy fails as the contract says, and keeps nothing from the failure."""

    async def faulty_world(self, mode: str) -> tuple[PolicyWorld, FaultyRegistry]:
        """A world whose registry has the ``mode`` of :class:`FaultyRegistry` from here on."""
        registry = FaultyRegistry()
        world = await PolicyWorld.make(self.make(), registry)
        registry.mode = mode
        return world, registry

    async def test_a_failing_registry_is_an_error_of_the_platform_and_is_not_remembered(self) -> None:
        world, registry = await self.faulty_world("fails")
        right = await (await self.world()).answers()
        for asked in right:
            try:
                decision = await world.decide(*asked)
            except HyperverseError:
                continue
            assert decision.allowed == right[asked], f"guesses while the registry fails: {asked}"
        registry.mode = "works"
        assert await world.answers() == right

    async def test_nobody_comes_in_while_the_registry_fails(self) -> None:
        world, registry = await self.faulty_world("fails")
        for token in (SECRET, "another"):
            try:
                agent = await world.policy.authenticate(Credentials(token))
            except HyperverseError:
                continue
            assert not self.reads_tokens, f"lets {agent} in without having looked the token up"
        registry.mode = "works"

    @pytest.mark.parametrize("agent", [BOB, NOTES, NOBODY, ANONYMOUS], ids=str)
    async def test_a_question_that_nobody_waits_for_ends(self, agent: Point) -> None:
        right = await (await self.world()).allowed(agent, HOME)
        world, registry = await self.faulty_world("hangs")
        asked = asyncio.create_task(world.decide(agent, HOME, "r"))
        await _turns(lambda: asked.done())
        asked.cancel()
        await _turns(lambda: asked.done())
        assert asked.done(), "it swallows the CancelledError and goes on"
        registry.mode = "works"
        assert await world.allowed(agent, HOME) == right

    async def test_nonsense_is_refused(self) -> None:
        world = await self.world()
        home = (await world.request(BOB, HOME, "r")).record
        for need in _NONSENSE:
            for agent in (BOB, ANONYMOUS, NOBODY, ROOT, GLOBAL_EXECUTOR):
                for action in ("", "?", "Ext<Get>"):
                    decision = await world.policy.decide(Request(agent, action, need, home))
                    assert not decision.allowed, (str(agent), action, need)

    async def test_a_target_that_is_not_registered_is_no_error(self) -> None:
        world = await self.world()
        for text in _NOWHERE:
            record = ParticleRecord(Point.parse(text), Kind("Base"), ALICE)
            for agent in AGENTS:
                decision = await world.policy.decide(Request(agent, "Ext<Get>", Need("x"), record))
                assert isinstance(decision, Decision)
                assert decision.allowed or agent != ALICE, f"{agent} owns {text}, and is refused"
                stranger = agent in (BOB, ANONYMOUS, NOBODY) and "x" not in self.strangers_may
                assert not (decision.allowed and stranger), (
                    f"{agent} is let through to {text}, which nobody has given it"
                )


async def _turns(done: object) -> None:
    """Gives other tasks turns of the event loop until ``done()``, up to a limit."""
    assert callable(done)
    for _ in range(_TURNS):
        if done():
            return
        await asyncio.sleep(0)
