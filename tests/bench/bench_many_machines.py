"""What the start of a machine costs when many others are there, and what a machine reads that has nothing to do.

    python tests/bench/bench_many_machines.py [machines ...] [--json FILE]

All machines live in this process, around a registry in memory, on a virtual clock: so 256 of them need no 256 cores.
Prints processor time for each machine until all have lanes to one another (one star each, in a hub), its ratio to that
with the first number of machines, and the bytes that an idle machine reads from the registry in a second.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from cluster.worlds import in_process
from hyperverse_core.testing import VirtualClockLoop
from hyperverse_core.testing.memory_registry import MemoryRegistry

SIZES = (8, 64, 256)
AT_MOST = 5.0
"""Processor time for each of 64 machines, of that for each of 8."""
IDLE = 20.0
_READS = ("stars", "changes", "records", "machine_keys", "grants")


class CountedRegistry(MemoryRegistry):
    """Counts the bytes of what is read, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[str, int] = dict.fromkeys(_READS, 0)


def _counted(name: str) -> Any:
    plain = getattr(MemoryRegistry, name)

    async def read(self: CountedRegistry, *args: Any, **options: Any) -> Any:
        found = await plain(self, *args, **options)
        self.read[name] += len(repr(found))
        return found

    return read


for _name in _READS:
    if hasattr(MemoryRegistry, _name):
        setattr(CountedRegistry, _name, _counted(_name))


async def measure(machines: int, directory: Path) -> tuple[float, dict[str, float]]:
    """Processor time for each machine (ms), and bytes that each reads in a second, by call."""
    async with in_process(directory) as world:
        counted = CountedRegistry()
        await counted.open()
        world.registry = counted
        begun = time.process_time()
        for number in range(machines):
            await world.start(f"m{number}")
        await asyncio.sleep(2.0)
        took = (time.process_time() - begun) / machines * 1e3
        rows = await (await world.client(f"m{machines - 1}")).stars()
        assert all(row["hops"] is not None for row in rows), "each reaches each"
        before = dict(counted.read)
        await asyncio.sleep(IDLE)
        return took, {name: (counted.read[name] - before[name]) / IDLE / machines for name in before}


def main(sizes: list[int], report: Report) -> None:
    """Measures, from the smallest on."""
    logging.disable(logging.CRITICAL)  # of machines that stop, one after another
    first: float | None = None
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
            took, read = runner.run(measure(size, Path(folder)))
        first = first or took
        bytes_, ratio = sum(read.values()), took / first
        print(f"{size:4} machines {took:8.1f} ms each {ratio:6.2f}x {bytes_:12.0f} bytes/s", flush=True)
        name, bound = f"start of each of {size} machines", AT_MOST if size == SIZES[1] else None
        before = f"each of {sizes[0]}"
        report.add(Row(name=name, value=took * 1e3, reference=before, reference_value=first * 1e3, at_most=bound))
        report.add(Row(name=f"read by one of {size} idle machines in a second", value=bytes_, unit="bytes"))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("machines", type=int, nargs="*", default=list(SIZES), help="how many")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    main(given.machines, Report(given.json))
