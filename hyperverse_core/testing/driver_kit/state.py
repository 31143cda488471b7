"""What happens to the state of particles."""

from __future__ import annotations

import pytest

from ...contracts.driver import Particle
from ...fabric.particles.states import decode_state, encode_state, state_of
from .base import DriverKitBase
from .harness import DriverHarness

__all__ = ["StateIsKept"]


class StateIsKept(DriverKitBase):
    """The state survives every event for which the driver promises it."""

    def _skip_what_changes_by_itself(self) -> None:
        """Skips tests that compare two readings of a particle when its background work may change it between them."""
        if self.never_idle:
            pytest.skip("its particles always have background work, which may change them at any time")

    async def test_what_was_answered_survives_a_crash(self, harness: DriverHarness) -> None:
        if not self.changes or not self.saves_before_it_answers:
            pytest.skip("nothing is promised")
        self._skip_what_changes_by_itself()
        point = await self.particle(harness)
        await self.change(harness, point)
        assert await harness.saved(point) == await harness.state(point), "the state was not saved before the answer"

    async def test_an_idle_particle_leaves_memory_and_comes_back_as_it_was(self, harness: DriverHarness) -> None:
        if self.never_idle:
            pytest.skip("its particles always have background work")
        point = await self.particle(harness)
        await self.change(harness, point)
        before = await harness.state(point)
        await harness.passivate(point)
        after = await harness.state(point)
        assert after == before, f"it had the state {before!r} when it left memory, and came back with {after!r}"
        begun = harness.lives.begun.count(point)
        assert begun == 2, f"it must be activated when it was created and when it came back, and was {begun} times"

    async def test_a_restart_keeps_the_state(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        await self.change(harness, point)
        before = await harness.state(point)
        await harness.restart()
        after = await harness.state(point)
        self._skip_what_changes_by_itself()  # it has come back
        assert after == before, f"it had the state {before!r} when the machine stopped, and came back with {after!r}"

    async def test_a_change_changes_one_particle_only(self, harness: DriverHarness) -> None:
        one, other = await self.particle(harness), await harness.new()
        before = await harness.state(other)
        await self.change(harness, one)
        after = await harness.state(other)
        self._skip_what_changes_by_itself()
        assert after == before, f"a change of one particle has changed another one, from {before!r} to {after!r}"

    async def test_what_a_particle_dumps_is_what_another_one_loads(self, harness: DriverHarness) -> None:
        if self.driver.particle.dump is Particle.dump:
            pytest.skip("its state are its attrs fields")
        point = await self.particle(harness)
        await self.change(harness, point)
        await harness.state(point)
        one, other = harness.living(point), await harness.make(point)
        decode_state(other, encode_state(one))
        kept, loaded = state_of(one), state_of(other)
        assert loaded == kept, f"`dump` gave {kept!r}, and what `load` made of it dumps {loaded!r}"
