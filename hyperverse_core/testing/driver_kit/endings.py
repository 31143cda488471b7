"""The remains of deleted particles."""

from __future__ import annotations

import asyncio
import logging

import pytest

from ...errors import NotFound
from .base import DriverKitBase
from .harness import DriverHarness

__all__ = ["Endings"]

_LONGEST = 4.0
"""Seconds within which a particle must stop; the platform waits for five."""


class Endings(DriverKitBase):
    """A deleted particle ends without a trace."""

    async def test_a_deleted_particle_leaves_nothing(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        await self.change(harness, point)
        await harness.delete(point)
        reply = await harness.client.ping(point, "Cmd<Bounce>")
        assert reply.status == 404, f"a deleted particle must be answered 404, and was {reply.status} {reply.error}"
        with pytest.raises(NotFound):
            await harness.registry.record(point)
        with pytest.raises(NotFound):
            await harness.registry.load_state(point)

    async def test_a_particle_that_is_created_again_begins_anew(self, harness: DriverHarness) -> None:
        point = await self.particle(harness)
        fresh = await harness.state(point)
        await self.change(harness, point)
        await harness.delete(point)
        await harness.create(point)
        again = await harness.state(point)
        assert again == fresh, f"a particle that is created again must begin with {fresh!r}, and has {again!r}"

    async def test_an_active_particle_stops_in_time_and_without_an_error_when_it_is_deleted(
        self, harness: DriverHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        point = await self.particle(harness)
        await self.change(harness, point)
        await harness.state(point)
        with caplog.at_level(logging.ERROR, "hyperverse"):
            async with asyncio.timeout(_LONGEST):
                await harness.delete(point)
        said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        assert not said, f"`on_stop` and `on_delete` must not raise, and the log says: {said}"
