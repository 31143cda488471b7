"""What the SQL registry costs, as ratios against raw sqlite3 in the same run.

Run it as ``python tests/bench/bench_registry.py [directory] [--json FILE]``. The reference is one insert in a
transaction of its own, over the sqlite3 module, in WAL mode with ``synchronous=NORMAL``.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from hyperverse_core.cli.machine.memory import settle_memory
from hyperverse_core.contracts.registry import Assignment, Registration, StarRecord
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_sql.registry import SqlRegistry

IN_FLIGHT = 256
COUNT = 256 * 24
LONE = 300
STATE = b'{"value": 4711}'
STAR = StarKey("bench", "fold")


def reference(directory: Path) -> float:
    """Seconds that a raw insert takes, one a transaction."""
    connection = sqlite3.connect(directory / "reference.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE particles (id INTEGER PRIMARY KEY, point TEXT UNIQUE, kind TEXT, owner TEXT)")
    started = time.perf_counter()
    for number in range(COUNT):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO particles (point, kind, owner) VALUES (?, ?, ?)", (f"bench:p{number}", "Base", str(HYPERUSER))
        )
        connection.execute("COMMIT")
    took = (time.perf_counter() - started) / COUNT
    connection.close()
    return took


async def in_flight(
    act: Callable[[Any], Awaitable[Any]], items: Sequence[Any], callers: int
) -> tuple[float, list[Any]]:
    """Seconds for each of ``items`` when ``callers`` tasks share them, and what came back."""
    waiting = iter(list(enumerate(items)))
    results: list[Any] = [None] * len(items)

    async def caller() -> None:
        for place, item in waiting:
            results[place] = await act(item)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return (time.perf_counter() - started) / len(items), results


async def measure(registry: SqlRegistry) -> dict[str, float]:
    """Seconds for each operation."""
    space = Point.parse("bench")
    base = Kind.parse("Base")
    await registry.register(Registration(space, Kind.parse("Space"), HYPERUSER))
    await registry.announce(StarRecord(STAR, "Fold", "bench"))
    points = [space.child(f"p{number}") for number in range(COUNT)]
    lone_points = [space.child(f"lone{number}") for number in range(LONE)]

    async def register(point: Point) -> None:
        await registry.register(Registration(point, base, HYPERUSER))

    async def assign(point: Point) -> Assignment:
        return (await registry.assign(point, STAR, 1, None)).assignment

    async def save(held: tuple[Point, Assignment]) -> None:
        await registry.save_state(*held, STATE)

    took: dict[str, float] = {}
    took["register"], _ = await in_flight(register, points, IN_FLIGHT)
    took["assign"], assigned = await in_flight(assign, points, IN_FLIGHT)
    held = list(zip(points, assigned, strict=True))
    took["save_state"], _ = await in_flight(save, held, IN_FLIGHT)
    took["save_state again"], _ = await in_flight(save, held, IN_FLIGHT)
    took["record"], _ = await in_flight(registry.record, points, IN_FLIGHT)
    took["lone register"], _ = await in_flight(register, lone_points, 1)
    took["lone save_state"], _ = await in_flight(save, held[:LONE], 1)
    took["lone record"], _ = await in_flight(registry.record, points[:LONE], 1)
    return took


async def main(directory: Path, report: Report) -> None:
    """Prints the table."""
    settle_memory()  # as `hyperverse up` does; else the rows say how many objects the imports have made
    before = reference(directory)
    async with SqlRegistry({"path": directory / "registry.sqlite"}) as registry:
        took = await measure(registry)
    (directory / "reference.sqlite").unlink()
    raw = statistics.mean((before, reference(directory)))
    targets = {"register": 1.5, "assign": 3.0, "save_state": 1.5, "save_state again": 1.5}
    print(f"reference: {raw * 1e6:.1f} us for a raw insert in a transaction of its own")
    for name, seconds in took.items():
        callers = 1 if name.startswith("lone") else IN_FLIGHT
        target = f"at most {targets[name]}x" if name in targets else ""
        report.add(
            Row(
                name=f"{name}, {callers} in flight",
                value=seconds * 1e6,
                reference="one sqlite3 insert",
                reference_value=raw * 1e6,
                at_most=targets.get(name),
                loop="asyncio",
            )
        )
        print(f"{name:20} {callers:4} in flight {seconds * 1e6:9.1f} us {seconds / raw:7.2f}x  {target}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("directory", type=Path, nargs="?", help="for the files; a temporary one by default")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(main(given.directory or Path(temporary), Report(given.json)))
