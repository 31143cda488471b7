"""Several processes on one file, one of which is killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from hyperverse_core.registry import Registration, StarRecord
from hyperverse_core.values import HYPERUSER, Kind, Point, StarKey
from hyperverse_sql.registry import SqlRegistry

_SCRIPT = Path(__file__).with_name("writing_process.py")
_SPACE = Point.parse("localhost")


async def _prepared(path: Path) -> None:
    async with SqlRegistry({"path": path}) as registry:
        await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
        await registry.announce(StarRecord(StarKey("kit", "fold"), "Fold", "kit"))


async def _started(path: Path, *words: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(_SCRIPT), str(path), *words, stdout=PIPE)


async def _lines(process: Process) -> list[str]:
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().split()


async def test_a_killed_process_has_written_all_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    await _prepared(path)
    process = await _started(path, "register", "p")
    assert process.stdout is not None
    acknowledged = [(await process.stdout.readline()).decode().strip() for _ in range(500)]
    process.kill()
    rest = (await process.stdout.read()).decode().splitlines(keepends=True)
    await process.wait()
    acknowledged += [line.strip() for line in rest if line.endswith("\n")]
    async with SqlRegistry({"path": path}) as registry:
        points = [Point.parse(text) for text in acknowledged]
        assert set(await registry.records(points)) == set(points)
        assert [await registry.load_state(point) for point in points] == [point.name.encode() for point in points]
        assert await registry.check() == []


async def test_processes_that_count_together_lose_no_number(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    await _prepared(path)
    processes = [await _started(path, "count", "300") for _ in range(3)]
    async with SqlRegistry({"path": path}) as registry:
        mine = [str(await registry.sequence(_SPACE)) for _ in range(50)]
        theirs = [await _lines(process) for process in processes]
    numbers = sorted(int(text) for text in (*mine, *(line for lines in theirs for line in lines)))
    assert numbers == list(range(1, 951))


@pytest.mark.thorough
async def test_processes_that_take_over_from_one_another_never_hold_the_same_epoch(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    await _prepared(path)
    processes = [await _started(path, "take", "150") for _ in range(2)]
    said = [await _lines(process) for process in processes]
    epochs = [int(line) for lines in said for line in lines if line != "beaten"]
    assert len(epochs) == len(set(epochs))
    async with SqlRegistry({"path": path}) as registry:
        held = (await registry.record(_SPACE)).assignment
        assert held is not None
        assert held.epoch == max(epochs)
        entries = [change for change in (await registry.changes(0, timeout=0)).entries if change.kind == "assigned"]
        assert len(entries) == len(epochs)


async def test_many_processes_create_one_registry(tmp_path: Path) -> None:
    path = tmp_path / "fresh" / "registry.sqlite"
    opened = [SqlRegistry({"path": path}) for _ in range(5)]
    await asyncio.gather(*(registry.open() for registry in opened))
    await opened[0].register(Registration(_SPACE, Kind("Space"), HYPERUSER))
    assert [(await registry.record(_SPACE)).point for registry in opened] == [_SPACE] * 5
    for registry in opened:
        await registry.close()


@pytest.mark.thorough
async def test_a_process_that_writes_without_a_pause_does_not_keep_the_others_out(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    await _prepared(path)
    process = await _started(path, "register", "p")
    assert process.stdout is not None
    await process.stdout.readline()
    reading = asyncio.create_task(process.stdout.read())
    passed = []
    async with SqlRegistry({"path": path}) as registry:
        for _ in range(40):
            before = await registry.revision()
            await registry.sequence(_SPACE)
            passed.append(await registry.revision() - before)
    process.kill()
    await process.wait()
    await reading
    assert sum(passed) > 0, "the other process wrote nothing meanwhile"
    assert max(passed) < 2000, f"so many writes of the other process went first: {passed}"
