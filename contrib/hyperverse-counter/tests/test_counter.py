"""A counter counts, and keeps what it has counted."""

from __future__ import annotations

import asyncio

from hyperverse_counter import CounterDriver

from hyperverse_core.testing import DriverConformance, DriverHarness


class TestCounter(DriverConformance):
    """What every driver must do, and what this one does."""

    driver = CounterDriver
    changes = (("Ext<Add>", {"by": 3}), ("Ext<Add>", None))

    async def test_it_begins_at_nothing(self, harness: DriverHarness) -> None:
        point = await harness.new()
        assert await harness.client.ask(point, "Ext<Get>") == 0

    async def test_it_adds_one_unless_told_otherwise(self, harness: DriverHarness) -> None:
        point = await harness.new()
        assert await harness.client.ask(point, "Ext<Add>") == 1
        assert await harness.client.ask(point, "Ext<Add>", {"by": 41}) == 42
        assert await harness.client.ask(point, "Ext<Get>") == 42

    async def test_it_counts_everybody_once(self, harness: DriverHarness) -> None:
        point = await harness.new()
        answers = await asyncio.gather(*(harness.client.ask(point, "Ext<Add>") for _ in range(100)))
        assert sorted(answers) == list(range(1, 101))

    async def test_it_keeps_its_value_over_a_restart(self, harness: DriverHarness) -> None:
        point = await harness.new()
        await harness.client.ask(point, "Ext<Add>", {"by": 7})
        await harness.restart()
        assert await harness.client.ask(point, "Ext<Get>") == 7
