"""What guests cost the other waves of a machine while they spin, sleep or are compiled, and a hop to a worker process.

    python tests/bench/bench_guest_lag.py [--json FILE] [--rounds 11]

Times are by the clock. Windows with and without guests take turns, and the median of all windows counts: another
program that takes the processor makes one window long, and says nothing about guests.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_mechtron import SMALL, Act, add, lag, packed, pings, publish, publish_packed, row
from bench.report import Report, Row
from hyperverse_core import Config, Machine
from hyperverse_core.client.api import ClientApi
from mechtron.guests import CORE, MANY, SLEEPER

WINDOW = 0.6
"""Seconds in which the lag is watched; guests work for a little longer."""
LIMITS = "Limits { +seconds=0.8; }"
COUNT = 200


def large(number: int) -> str:
    """A module that takes some tenths of a second to compile, and that was not compiled before."""
    steps = "".join(f"(local.set 1 (i32.mul (local.get 1) (i32.add (local.get 0) (i32.const {k}))))" for k in range(80))
    functions = "".join(
        f"(func (param i32) (result i32) (local i32) {steps} (i32.const {number * 10_000 + k}))" for k in range(1500)
    )
    return f"{CORE.rpartition(')')[0]} {functions})"


async def lags(client: ClientApi, report: Report, rounds: int) -> None:
    """The longest that the event loop was late in a window, with guests and without."""
    spinning = [await publish(client, f"spin{each}", MANY, LIMITS) for each in range(3)]
    sleeping = [await publish(client, f"sleep{each}", SLEEPER, LIMITS) for each in range(3)]

    def three(points: list[str], method: str) -> Callable[[int], Awaitable[object]]:
        async def work(_: int) -> None:
            replies = await asyncio.gather(*(client.ping(each, f"Ext<{method}>", wait=60) for each in points))
            assert {reply.status for reply in replies} == {408}

        return work

    bundles = [packed(f"large{number}", large(number), "") for number in range(rounds)]

    async def compiled(number: int) -> None:
        await publish_packed(client, f"large{number}", bundles[number])

    for name, work in (
        ("spin", three(spinning, "Spin")),
        ("sleep", three(sleeping, "Any")),
        ("are compiled", compiled),
    ):
        alone, beside = [], []
        for number in range(rounds):
            alone.append(await lag(WINDOW))
            under_way = asyncio.ensure_future(work(number))
            beside.append(await lag(WINDOW))
            await under_way
        more = statistics.median(beside) - statistics.median(alone)
        add(report, Row(name=f"more lag of the loop while guests {name}", value=more, unit="ms", at_most=10))


async def hops(client: ClientApi, report: Report, rounds: int) -> None:
    """A Ping whose guest is in a worker process, and a hop to a thread of the executor."""
    apart = await publish(client, "apart", CORE, "Run { +isolation=process; }")
    loop = asyncio.get_running_loop()
    acts: list[Act] = [pings(client, apart, "Echo", SMALL), lambda: loop.run_in_executor(None, int)]
    times: list[list[float]] = [[], []]
    for _ in range(4 * rounds):
        for act, found in zip(acts, times, strict=True):
            begun = time.perf_counter()
            for _ in range(COUNT):
                await act()
            found.append((time.perf_counter() - begun) / COUNT * 1e6)
    process, hop = (statistics.median(each) for each in times)
    add(report, row("isolation=process, 64 bytes", process, "a hop to a thread of the executor", hop, 2.0))


async def measure(report: Report, rounds: int) -> None:
    """All of it, on one machine."""
    with tempfile.TemporaryDirectory() as folder:
        async with Machine(Config(data_dir=Path(folder))) as machine:
            client = machine.client()
            await client.exec("create localhost<Space>; create localhost:repo<Repo>")
            await hops(client, report, rounds)
            await lags(client, report, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to FILE as well")
    parser.add_argument("--rounds", type=int, default=11, help="how many windows there are of each sort")
    args = parser.parse_args()
    asyncio.run(measure(Report(args.json), args.rounds))


if __name__ == "__main__":
    main()
