"""How particles answer waves."""

from __future__ import annotations

import asyncio

import pytest

from ...universe.waves.wave import Method
from .base import DriverKitBase
from .calls import bad_bodies, reading_calls, takes
from .harness import DriverHarness

__all__ = ["Waves"]

_NOBODY_HAS_IT = "Ext<NobodyHasAHandlerForThis>"
_AT_ONCE = 50


class Waves(DriverKitBase):
    """Every particle answers what all particles answer, and refuses what it does not know."""

    async def test_a_particle_can_be_created_and_answers_bounce(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        reply = await harness.client.ping(point, "Cmd<Bounce>")
        assert reply.status == 200, f"Cmd<Bounce> must be answered 200, and got {reply.status} {reply.error}"
        assert reply.sender == point, f"the answer must come from {point}, and came from {reply.sender}"

    async def test_a_particle_shows_its_state(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        reply = await harness.client.ping(point, "Cmd<Read>")
        assert reply.ok, f"Cmd<Read> must be answered with the state, and got {reply.status} {reply.error}"

    async def test_an_unknown_method_is_answered_404(self, harness: DriverHarness) -> None:
        if takes(self.driver, Method.parse(_NOBODY_HAS_IT)):
            pytest.skip("a handler takes every method")
        point = await self.particle(harness)
        reply = await harness.client.ping(point, _NOBODY_HAS_IT)
        assert reply.status == 404, f"a method without a handler must be answered 404, and got {reply.status}"

    async def test_a_body_that_does_not_fit_is_answered_400_and_changes_nothing(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        before = await harness.state(point)
        for method, body in bad_bodies(self.driver):
            reply = await harness.client.ping(point, method, body)
            assert reply.status == 400, f"{method} must refuse {body!r}, and answered {reply.status} {reply.error}"
        after = await harness.state(point)
        assert after == before, f"a call that was refused has changed the state from {before!r} to {after!r}"

    async def test_the_calls_that_change_it_are_answered(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        await self.change(harness, point)

    async def test_calls_that_read_are_answered_and_change_nothing(self, harness: DriverHarness) -> None:
        calls = [*self.reads, *reading_calls(self.driver)]
        if not calls:
            pytest.skip("`reads` names no call, and no handler is known to read only")
        point = await self.particle(harness)
        await self.change(harness, point)
        before = await harness.state(point)
        for method, body in calls:
            reply = await harness.client.ping(point, method, body)
            assert reply.ok, f"{method} {body!r} must be answered, and got {reply.status} {reply.error}"
            after = await harness.state(point)
            assert after == before, f"{method} {body!r} must change nothing, and has made {after!r} of {before!r}"

    async def test_waves_at_once_bring_one_particle_to_life(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        replies = await asyncio.gather(*(harness.client.ping(point, "Cmd<Read>") for _ in range(_AT_ONCE)))
        failed = [f"{reply.status} {reply.error}" for reply in replies if reply.status != 200]
        assert not failed, f"of {_AT_ONCE} waves at once, {len(failed)} failed, the first with {failed[0]}"
        begun = harness.lives.begun.count(point)
        assert begun == 1, f"waves at once must activate the particle once, and did {begun} times"
