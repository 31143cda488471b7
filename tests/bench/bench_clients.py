"""What a typed call and a blocking call cost, beside the plain call of the async client.

    python tests/bench/bench_clients.py [--json FILE] [--seconds 1.0]

Both are ratios of processor time, one call after the other: `typed` in the process of the machine (at most 1.15x of
`ask`), `blocking` over a socket to a machine in a process of its own (at most 2.5x of the async client).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import attrs

from bench.report import Report, Row
from hyperverse_core import BlockingClient, Client, Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl

ROUNDS = 9
POINT = "localhost:n"


@attrs.define
class Number(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        return self.value


class NumberDriver(Driver):
    kind = KindDef("Number", doc="a number")
    particle = Number


class Numbers:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(NumberDriver)


def _row(name: str, value: float, reference: str, reference_value: float, at_most: float) -> Row:
    return Row(name=name, value=value, reference=reference, reference_value=reference_value, at_most=at_most)


async def timed(call: Callable[[], Awaitable[Any]], seconds: float) -> float:
    """Microseconds of processor time for each call."""
    until, count, begun = time.perf_counter() + seconds, 0, time.process_time()
    while time.perf_counter() < until:
        for _ in range(50):
            await call()
        count += 50
    return (time.process_time() - begun) / count * 1e6


async def typed(seconds: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        async with Machine(Config(data_dir=Path(folder)), plugins=[Numbers()]) as machine:
            client = machine.client()
            await client.exec(f"create localhost<Space>; create {POINT}<Number>")
            at = client.at(POINT, Number)
            plain, calls = [], []
            for _ in range(ROUNDS):
                plain.append(await timed(lambda: client.ask(POINT, "Ext<Add>", {"by": 3}), seconds / ROUNDS))
                calls.append(await timed(lambda: at.ask(Number.add, by=3), seconds / ROUNDS))
    return _row("typed call", min(calls), "ask", min(plain), 1.15)


async def plain_outside(folder: str, seconds: float) -> float:
    async with Client.connect(folder) as client:
        return await timed(lambda: client.ask("localhost", "Cmd<Bounce>"), seconds)


def blocking(seconds: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "hyperverse_core.cli", "--data-dir", folder, "--quiet"]
        subprocess.run([*program, "up", "--detach"], check=True, capture_output=True)
        try:
            subprocess.run([*program, "exec", "create localhost<Space>"], check=True, capture_output=True)
            plain, calls = [], []
            with BlockingClient(folder) as client:
                for _ in range(ROUNDS):
                    plain.append(asyncio.run(plain_outside(folder, seconds / ROUNDS)))
                    until, count, begun = time.perf_counter() + seconds / ROUNDS, 0, time.process_time()
                    while time.perf_counter() < until:
                        client.ask("localhost", "Cmd<Bounce>")
                        count += 1
                    calls.append((time.process_time() - begun) / count * 1e6)
        finally:
            subprocess.run([*program, "down"], check=True, capture_output=True)
    return _row("blocking call", statistics.median(calls), "async client", statistics.median(plain), 2.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to FILE as well")
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds for each of the four figures")
    args = parser.parse_args()
    report = Report(args.json)
    for row in (asyncio.run(typed(args.seconds)), blocking(args.seconds)):
        report.add(row)
        print(f"{row.name:14} {row.value:7.1f} us   {row.value / row.reference_value:.2f}x of {row.reference}")


if __name__ == "__main__":
    main()
