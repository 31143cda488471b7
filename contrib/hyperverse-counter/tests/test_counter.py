"""A counter counts, and keeps what it has counted."""

from __future__ import annotations

import asyncio

from hyperverse_counter import CounterDriver

from hyperverse_core.testing import DriverBench, DriverConformance


class TestCounter(DriverConformance):
    """What every driver must do, and what this one does."""

    driver = CounterDriver
    changes = (("Ext<Add>", {"by": 3}), ("Ext<Add>", None))

    async def test_it_begins_at_nothing(self, bench: DriverBench) -> None:
        point = await bench.new()
        assert await bench.client.ask(point, "Ext<Get>") == 0

    async def test_it_adds_one_unless_told_otherwise(self, bench: DriverBench) -> None:
        point = await bench.new()
        assert await bench.client.ask(point, "Ext<Add>") == 1
        assert await bench.client.ask(point, "Ext<Add>", {"by": 41}) == 42
        assert await bench.client.ask(point, "Ext<Get>") == 42

    async def test_it_counts_everybody_once(self, bench: DriverBench) -> None:
        point = await bench.new()
        answers = await asyncio.gather(*(bench.client.ask(point, "Ext<Add>") for _ in range(100)))
        assert sorted(answers) == list(range(1, 101))

    async def test_it_keeps_its_value_over_a_restart(self, bench: DriverBench) -> None:
        point = await bench.new()
        await bench.client.ask(point, "Ext<Add>", {"by": 7})
        await bench.restart()
        assert await bench.client.ask(point, "Ext<Get>") == 7
