"""A Ping between two machines, each a process of its own, over the transport `stream` on a Unix socket.

The reference is a bare asyncio echo of 100 bytes over a Unix socket: sequential, and 256 in flight, a message a frame.

    python tests/bench/bench_stream_pings.py [seconds for each figure] [--json FILE]

Everything is on: locate, authorise, deadline, argument conversion, handler, receipt. Prints microseconds for each wave,
the least of twelve rounds that alternate between the two, and their ratio. Where Pyro5 is installed, a call of its own
over its own Unix socket takes part. The scheduler places the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from bench.bench_machines import Bench, stars
from bench.bench_streams import REFERENCE, measure
from bench.report import Report, Row
from bench.timing import time_for
from cluster import cluster_kinds
from cluster.worlds import Processes
from hyperverse_core.config import Choice, Config, Control
from hyperverse_core.fabric.machine import Machine
from patience import PATIENCE

TARGETS = {1: 1.5, 256: 0.5}
ROUNDS = 12
PYRO = "Pyro5, unix"
_SERVE_PYRO = """
import sys, Pyro5.api
class Target:
    @Pyro5.api.expose
    def value(self): return 1
daemon = Pyro5.api.Daemon(unixsocket=sys.argv[1])
print(daemon.register(Target(), "target"), flush=True)
daemon.requestLoop()
"""


def time_pyro(file: Path, seconds: float) -> float:
    """Microseconds for each call of Pyro5 over its Unix socket, one after another."""
    import Pyro5.api  # type: ignore[import-not-found, unused-ignore]  # only where somebody has installed it

    words = [sys.executable, "-c", _SERVE_PYRO, str(file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            with Pyro5.api.Proxy(server.stdout.readline().strip()) as target:
                target.value()
                begun, count = time.perf_counter(), 0
                while (took := time.perf_counter() - begun) < seconds:
                    target.value()
                    count += 1
                return took / count * 1e6
        finally:
            server.kill()
            file.unlink(missing_ok=True)


async def rounds(bench: Bench, point: str, flight: int, seconds: float, folder: Path) -> dict[str, float]:
    """The least of all rounds, by what was measured."""
    figures: dict[str, list[float]] = {REFERENCE: [], "ping": []}
    for _ in range(ROUNDS):
        file = folder / "s"
        figures[REFERENCE].append(await asyncio.to_thread(measure, "uvloop", REFERENCE, flight, seconds, file))
        figures["ping"].append(await time_for(bench.client, point, flight, seconds))
        if flight == 1 and importlib.util.find_spec("Pyro5"):
            figures.setdefault(PYRO, []).append(await asyncio.to_thread(time_pyro, file, seconds))
    return {what: min(found) for what, found in figures.items()}


async def main(seconds: float, report: Report) -> None:
    """Starts the machines and measures."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = Processes(folder, stars=stars(), lanes="stream")
        stack.callback(world.end)
        world.start("b")
        lanes, control = Choice("stream"), Control(enabled=False)
        config = Config(name="a", data_dir=world.data_dir, stars=stars(), lanes=lanes, control=control)
        bench = Bench(await stack.enter_async_context(Machine(config, plugins=(cluster_kinds,))))
        async with asyncio.timeout(PATIENCE):
            while any(row["hops"] is None for row in await bench.client.stars()):  # noqa: ASYNC110 - no event says it
                await asyncio.sleep(0.1)
        await bench.client.exec("create localhost<Space>")
        point = await bench.particle_on("b")
        for flight, at_most in TARGETS.items():
            found = await rounds(bench, point, flight, seconds, folder)
            ping = found.pop("ping")
            name = f"Ping/Pong between two processes over stream, {flight} in flight"
            for what, value in found.items():
                target = at_most if what == REFERENCE else 1.0
                row = Row(name=name, value=ping, reference=what, reference_value=value, at_most=target, loop="uvloop")
                report.add(row)
                print(f"{flight:4} in flight {ping:8.1f} us   {what} {value:8.1f} us {ping / value:6.2f}x", flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("seconds", type=float, nargs="?", default=0.3, help="for each figure")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given.seconds, Report(given.json)))
