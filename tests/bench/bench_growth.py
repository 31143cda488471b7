"""What more machines and a second core do: a Ping between two machines of 2, 4, 8 and 16, and waves a second on one
core and on two.

    python tests/bench/bench_growth.py [seconds for each figure] [machines] [--json FILE]

All machines are processes on this computer, with the stars that each has by default. Prints microseconds for a
sequential Ping between two of them and its ratio to the figure with two machines, then waves a second between two
machines with 256 in flight, both bound to one core and each to its own. Machines that have nothing to do still renew
their leases: what that costs is printed as a share of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from bench.bench_lanes import ROUNDS
from bench.report import Report, Row
from bench.timing import time_for
from cluster import cluster_kinds
from cluster.worlds import Processes
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import Config, Control
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.universe.address.point import HYPERUSER

_SIZES = (2, 4, 8, 16)
_TICKS = os.sysconf("SC_CLK_TCK")


async def particle_on(client: ClientApi, machine: str) -> str:
    """A Tally that lives on that machine."""
    homes = {row["star"]: row["machine"] for row in await client.stars()}
    for number in range(500):
        point = f"localhost:{machine}{number}"
        await client.exec(f"create {point}<Tally>")
        if homes[(await client.ping(point, "Ext<Value>")).star] == machine:
            return point
    raise RuntimeError(f"nothing lives on {machine}")


def seconds_of(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def idle_share(world: Processes) -> float:
    """Share of a core that one machine with nothing to do uses."""
    pids = [process.pid for process in world.running.values()]
    begun, used = time.perf_counter(), sum(map(seconds_of, pids))
    await asyncio.sleep(5.0)
    return (sum(map(seconds_of, pids)) - used) / (time.perf_counter() - begun) / len(pids)


async def main(seconds: float, sizes: tuple[int, ...], report: Report) -> None:
    """Starts machine after machine and measures in between."""
    async with AsyncExitStack() as stack:
        world = Processes(Path(stack.enter_context(tempfile.TemporaryDirectory())), lease=2.0)
        stack.callback(world.end)
        world.start("m1")
        config = Config(name="m0", data_dir=world.data_dir, control=Control(enabled=False))
        client = (await stack.enter_async_context(Machine(config, plugins=(cluster_kinds,)))).client(HYPERUSER)
        await asyncio.sleep(1.0)
        await client.exec("create localhost<Space>")
        point = await particle_on(client, "m1")
        await measure_cores(client, point, world.running["m1"].pid, seconds, report)
        print(f"{'machines':10}{'ping us':>10}{'ratio':>8}{'idle, of a core':>18}")
        first = 0.0
        for size in sizes:
            for number in range(len(world.running) + 1, size):
                await asyncio.to_thread(world.start, f"m{number}")  # machine m0 lives on meanwhile
            await asyncio.sleep(2.0)
            figure = min([await time_for(client, point, 1, seconds) for _ in range(ROUNDS)])
            first = first or figure
            idle = await idle_share(world)
            name = f"Ping between two of {size} machines"
            report.add(Row(name=name, value=figure, reference="the first", reference_value=first, loop="uvloop"))
            report.add(Row(name=f"idle machine of {size}", value=idle * 100, unit="%"))
            print(f"{size:<10}{figure:10.1f}{figure / first:8.2f}{idle:17.1%}", flush=True)


async def measure_cores(client: ClientApi, point: str, other: int, seconds: float, report: Report) -> None:
    """Waves a second with both machines on one core, and each on its own."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: nothing to compare")
        return
    found = []
    for second in cores[:2]:
        bind(os.getpid(), cores[0])
        bind(other, second)
        found.append(1e6 / min([await time_for(client, point, 256, seconds) for _ in range(ROUNDS)]))
    for pid in (os.getpid(), other):
        bind(pid, *cores)
    for name, waves in zip(("one core", "two cores"), found, strict=True):
        report.add(Row(name=f"waves between two machines on {name}", value=waves, unit="1/s", loop="uvloop"))
    print(f"waves a second on one core {found[0]:,.0f}, on two {found[1]:,.0f}: {found[1] / found[0]:.2f}x", flush=True)


def bind(pid: int, *cores: int) -> None:
    """Lets every thread of a process run on these cores only."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("seconds", type=float, nargs="?", default=1.0, help="for each figure")
    arguments.add_argument("machines", type=int, nargs="*", default=_SIZES, help="how many of them")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given.seconds, tuple(given.machines) or _SIZES, Report(given.json)))
