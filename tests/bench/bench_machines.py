"""A Ping between two machines, each a process of its own, over ZeroMQ ipc with CURVE.

The reference is a bare pyzmq echo with the same socket options: sequential, and 256 in flight.

    python tests/bench/bench_machines.py [seconds for each figure] [hops] [--json FILE]

Everything is on: locate, authorise, deadline, argument conversion, handler, receipt. Prints microseconds for each wave,
the least of twenty rounds that alternate between the two, and their ratio. With ``hops``: what each further machine on
the way costs. The scheduler places the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from bench.bench_lanes import measure
from bench.report import Report, Row
from bench.timing import time_for
from cluster import cluster_kinds
from cluster.worlds import Processes
from hyperverse_core.cli.machine.memory import settle_memory
from hyperverse_core.config import Choice, Config, Control, StarTemplate
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.universe.address.point import HYPERUSER

_FLIGHTS = (1, 256)
_ROUNDS = 20
_CHAIN = "abcd"


def stars() -> tuple[StarTemplate, ...]:
    """A chain of machines, each with a forwarder; particles live in the last of each."""
    made = [StarTemplate("super", "Super", 0, ("nexusa",), "a")]
    for number, name in enumerate(_CHAIN):
        links = (f"nexus{_CHAIN[number - 1]}",) if number else ()
        made.append(StarTemplate(f"nexus{name}", "Nexus", 0, links, name))
        made.append(StarTemplate(f"home{name}", "Maelstrom", 0, (f"nexus{name}",), name))
    return tuple(made)


class Bench:
    """Machine ``a`` in this process, the others beside it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.client = machine.client(HYPERUSER)

    async def particle_on(self, machine: str) -> str:
        """A Tally that lives on that machine."""
        for number in range(200):
            point = f"localhost:{machine}{number}"
            await self.client.exec(f"create {point}<Tally>")
            reply = await self.client.ping(point, "Ext<Value>")
            if reply.star == f"STAR::central:home{machine}[0]":
                return point
        raise RuntimeError(f"nothing lives on {machine}")


async def main(seconds: float, hops: bool, report: Report) -> None:
    """Starts the machines and measures."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = Processes(directory, stars=stars(), lanes="zmq")
        stack.callback(world.end)
        world.start(*_CHAIN[1:] if hops else "b")
        lanes, control = Choice("zmq"), Control(enabled=False)
        config = Config(name="a", data_dir=world.data_dir, stars=stars(), lanes=lanes, control=control)
        bench = Bench(await stack.enter_async_context(Machine(config, plugins=(cluster_kinds,))))
        await asyncio.sleep(1.0)
        await bench.client.exec("create localhost<Space>")
        settle_memory()  # as `hyperverse up` does
        if hops:
            await measure_hops(bench, seconds, report)
        else:
            await measure_rows(bench, seconds, directory, report)


async def measure_hops(bench: Bench, seconds: float, report: Report) -> None:
    """What each machine on the way adds, sequential."""
    points = {name: await bench.particle_on(name) for name in _CHAIN}
    print(f"{'machines crossed':20}{'us':>10}")
    for number, point in enumerate(points.values()):
        figure = min([await time_for(bench.client, point, 1, seconds) for _ in range(_ROUNDS)])
        report.add(Row(name=f"Ping that crosses {number} machines", value=figure, loop="uvloop"))
        print(f"{number:<20}{figure:10.1f}", flush=True)


async def measure_rows(bench: Bench, seconds: float, folder: Path, report: Report) -> None:
    """The two rows of the table."""
    point = await bench.particle_on("b")
    print(f"{'uvloop':28}{'bare us':>10}{'ping us':>10}{'ratio':>8}")
    for flight in _FLIGHTS:
        bare, ping = [], []
        for _ in range(_ROUNDS):
            bare.append(await asyncio.to_thread(measure, "uvloop", "bare", flight, seconds, folder))
            ping.append(await time_for(bench.client, point, flight, seconds))
        found = min(ping) / min(bare)
        name = f"Ping/Pong between two processes, {flight} in flight"
        report.add(Row(name=name, value=min(ping), reference="bare pyzmq", reference_value=min(bare), loop="uvloop"))
        print(f"{f'{flight} in flight':28}{min(bare):10.1f}{min(ping):10.1f}{found:8.2f}", flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("words", nargs="*", metavar="seconds|hops", help="seconds for each figure; hops")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    figures = [float(word) for word in given.words if word != "hops"]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(figures[0] if figures else 0.3, "hops" in given.words, Report(given.json)))
