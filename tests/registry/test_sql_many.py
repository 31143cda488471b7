"""What the registry does for many particles, and for deep ones, costs no more than it has to."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hyperverse_core.registry import Registration
from hyperverse_core.values import HYPERUSER, Kind, Point, Selector
from hyperverse_sql.registry import SqlRegistry

_LEVELS = 800


async def _register(registry: SqlRegistry, *points: Point) -> None:
    await asyncio.gather(*(registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in points))


async def _took(work: Callable[[], Awaitable[object]], tries: int = 1) -> float:
    """Seconds of processor time, the least of some tries. The garbage of the tests before is not collected meanwhile:
    that alone can take half a second in a process that has run thousands of tests."""
    took = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(tries):
            begun = time.process_time()
            await work()
            took.append(time.process_time() - begun)
    finally:
        gc.enable()
    return min(took)


@pytest.mark.thorough
async def test_a_deep_branch_costs_some_times_of_as_many_siblings(tmp_path: Path) -> None:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        flat, deep = Point.parse("flat"), Point.parse("deep")
        await _register(registry, flat, deep)
        await _register(registry, *(flat.child(f"a{number}") for number in range(_LEVELS)))
        at = deep
        for _ in range(_LEVELS):
            at = at.child("a")
            await _register(registry, at)
        for select in ("**", "**<Base>"):

            async def read(root: Point, select: str = select) -> None:
                page = await registry.select(Selector.parse(f"{root.text}:{select}"), limit=2 * _LEVELS)
                assert len(page.records) == _LEVELS

            siblings = await _took(lambda: read(flat), tries=3)
            assert await _took(lambda: read(deep), tries=3) < 50 * siblings  # it was 160 times
        siblings = await _took(lambda: registry.delete([flat], limit=2 * _LEVELS))
        assert await _took(lambda: registry.delete([deep], limit=2 * _LEVELS)) < 12 * siblings  # it was 40 times


async def test_a_branch_is_selected_without_a_look_at_those_beside_it(tmp_path: Path) -> None:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        space = Point.parse("localhost")
        branches = [Point.parse(f"localhost:app{end}") for end in ("", "0", "-1", ":a", ":a:b")]
        await _register(registry, space, *branches)

        async def read(text: str, found: int) -> None:
            page = await registry.select(Selector.parse(text), limit=5000)
            assert len(page.records) == found, [record.point.text for record in page.records]

        before = {}
        for text, found in (("localhost:app+:**", 3), ("localhost:app<Base>+:**<Base>", 3), ("localhost:app+:*", 2)):
            before[text, found] = await _took(lambda: read(text, found), tries=5)  # noqa: B023  # awaited at once
        await _register(registry, *(space.child(f"x{number}") for number in range(1500)))
        for (text, found), took in before.items():
            assert await _took(lambda: read(text, found), tries=5) < 5 * took  # noqa: B023  # it grew with all there are
