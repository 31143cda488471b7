"""An event loop that never rests, and a registry that works in threads which need Python's lock too."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from hyperverse_core import Config, Machine
from hyperverse_core.config import Control
from hyperverse_core.registry import Registration
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_sql.registry import SqlRegistry
from patience import budget

_SPACE = Point.parse("localhost")
_TURN = 0.0005


async def spin(turns: list[int]) -> None:
    """Keeps the loop busy, and counts its turns: in each it lets go of Python's lock for a microsecond."""
    while True:
        turns[0] += 1
        until = time.perf_counter() + _TURN
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0)


async def test_writes_and_reads_are_not_kept_waiting_by_a_busy_loop(tmp_path: Path) -> None:
    async with SqlRegistry({"path": tmp_path / "registry.sqlite"}) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
        turns, taken = [0], []
        spinning = asyncio.create_task(spin(turns))
        for _ in range(20):
            before = turns[0]
            await registry.sequence(_SPACE)
            await registry.record(_SPACE)
            taken.append(turns[0] - before)
        assert spinning.cancel(), "the loop was not kept busy to the end"
    assert sorted(taken)[len(taken) // 2] < 300, f"the loop went round so often for a write and a read: {taken}"


async def test_a_machine_that_is_busy_with_its_own_waves_keeps_its_lease(tmp_path: Path) -> None:
    lease = budget(0.6)
    config = Config(data_dir=tmp_path, lease=lease, control=Control(enabled=False))
    async with Machine(config) as machine:
        client = machine.client()
        await client.exec("create localhost<Space>")
        (await client.ping("localhost", "Cmd<Bounce>")).unwrap()
        loop = asyncio.get_running_loop()
        until = loop.time() + 2.5 * lease
        while loop.time() < until:  # each is answered in line; none of them waits for anything
            assert (await client.ping("localhost", "Cmd<Bounce>")).ok
