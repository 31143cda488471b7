"""What the start of a machine costs when many others are there, and what a machine reads that has nothing to do.

    python tests/bench/bench_many_machines.py [machines ...] [--json FILE]

All machines live in this process, around a registry in memory, on a virtual clock: so 64 of them need no 64 cores. Each
has the stars that it has by default, and starts when the one before is ready. Prints processor time for the start of
each, its ratio to that with the first number of machines, and how many values an idle machine reads of the directory in
a second.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from cluster.worlds import in_process
from hyperverse_core.contracts.registry import StarRecord
from hyperverse_core.testing import VirtualClockLoop
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.universe.address.star_key import StarKey

SIZES = (8, 64)
AT_MOST = 5.0
"""Processor time for each of 64 machines, of that for each of 8."""
SETTLED = 5.0
"""Seconds after the last start until what it has set off is over."""
IDLE = 1.0
_VALUES = len(attrs.fields(StarRecord)) - 1


class CountedRegistry(MemoryRegistry):
    """Counts what is read of the directory.

    Attributes:
        read: values that were read: a star has some, and one more for each of its links.
    """

    read = 0

    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        found = await super().stars(keys)
        self.read += sum(_VALUES + len(star.links) for star in found)
        return found


async def measure(machines: int, directory: Path) -> tuple[float, float]:
    """Processor time for each machine (ms), and values that each reads in a second."""
    async with in_process(directory) as world:
        counted = CountedRegistry()
        await counted.open()
        world.registry = counted
        begun = time.process_time()
        for number in range(machines):
            await world.start(f"m{number}")
        took = (time.process_time() - begun) / machines * 1e3
        await asyncio.sleep(SETTLED)
        before = counted.read
        await asyncio.sleep(IDLE)
        return took, (counted.read - before) / IDLE / machines


def main(sizes: list[int], report: Report) -> None:
    """Measures, from the smallest on."""
    logging.disable(logging.CRITICAL)  # of machines that stop, one after another
    first: float | None = None
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
            took, read = runner.run(measure(size, Path(folder)))
        first = first or took
        ratio = took / first
        print(f"{size:4} machines {took:8.1f} ms each {ratio:6.2f}x {read:12.0f} values/s", flush=True)
        name, bound = f"start of each of {size} machines", AT_MOST if size == SIZES[1] else None
        before = f"each of {sizes[0]}"
        report.add(Row(name=name, value=took * 1e3, reference=before, reference_value=first * 1e3, at_most=bound))
        report.add(Row(name=f"read by one of {size} idle machines in a second", value=read, unit="values"))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("machines", type=int, nargs="*", default=list(SIZES), help="how many")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    main(given.machines, Report(given.json))
