"""How particles answer waves."""

from __future__ import annotations

import asyncio

import pytest

from ...universe.waves.wave import Method
from .base import DriverKitBase
from .calls import bad_bodies, takes
from .harness import DriverHarness

__all__ = ["Waves"]

_NOBODY_HAS_IT = "Ext<NobodyHasAHandlerForThis>"
_AT_ONCE = 50


class Waves(DriverKitBase):
    """Every particle answers what all particles answer, and refuses what it does not know."""

    async def test_a_particle_can_be_created_and_answers_bounce(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        reply = await harness.client.ping(point, "Cmd<Bounce>")
        assert reply.status == 200, reply.error
        assert reply.sender == point

    async def test_a_particle_shows_its_state(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        reply = await harness.client.ping(point, "Cmd<Read>")
        assert reply.ok, reply.error

    async def test_an_unknown_method_is_answered_404(self, harness: DriverHarness) -> None:
        if takes(self.driver, Method.parse(_NOBODY_HAS_IT)):
            pytest.skip("a handler takes every method")
        point = await self.particle(harness)
        reply = await harness.client.ping(point, _NOBODY_HAS_IT)
        assert reply.status == 404, reply.error

    async def test_a_body_that_does_not_fit_is_answered_400_and_changes_nothing(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        before = await harness.state(point)
        for method, body in bad_bodies(self.driver):
            reply = await harness.client.ping(point, method, body)
            assert reply.status == 400, f"{method} took {body!r}: {reply.status} {reply.error}"
        assert await harness.state(point) == before

    async def test_the_calls_that_change_it_are_answered(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        await self.change(harness, point)

    async def test_waves_at_once_bring_one_particle_to_life(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        replies = await asyncio.gather(*(harness.client.ping(point, "Cmd<Read>") for _ in range(_AT_ONCE)))
        assert {reply.status for reply in replies} == {200}
        assert harness.lives.begun.count(point) == 1
