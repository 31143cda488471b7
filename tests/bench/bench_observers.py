"""What observers cost a Ping on one machine: ``python tests/bench/bench_observers.py [--json FILE]``.

Processor time of the event loop's thread, the least of several rounds in turn, against the same Ping that nobody
observes: while somebody looks at the dashboard, with an observer of failures alone, and with one that wants no wave.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from hyperverse_core import UNWANTED, Config, Ctx, Driver, KindDef, Machine, Observer, Particle, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import Control
from hyperverse_core.testing import MemoryRegistry

ROUNDS, COUNT, WARM = 30, 2000, 400
ECHO = "localhost:echo"


class Failures(Observer):
    """Hears failures alone."""

    def wave_failed(self, wave: Any, end: Any) -> None:
        """Does nothing."""


class Nothing(Observer):
    """Wants no wave."""

    def wave_begins(self, wave: Any, headers: dict[str, str]) -> object:
        """Not this one."""
        return UNWANTED

    def wave_ends(self, wave: Any, end: Any, begun: Any) -> None:
        """Is not called."""

    def handler_begins(self, wave: Any, waited: float) -> object:
        """Not this one."""
        return UNWANTED

    def handler_ends(self, wave: Any, end: Any, begun: Any) -> None:
        """Is not called."""


@attrs.define
class Bench(Particle):
    """Answers."""

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, number: int) -> int:
        """Answers what it was given."""
        return number


class BenchDriver(Driver):
    """Of the particle above."""

    kind = KindDef("Bench")
    particle = Bench


@attrs.frozen(eq=False)
class Plugin:
    """The driver, and perhaps an observer."""

    observers: tuple[Observer, ...]

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(BenchDriver)

    @hookimpl
    def hyperverse_register_observers(self, register: Any) -> None:
        for observer in self.observers:
            register(observer)


async def pings(client: ClientApi, count: int) -> float:
    """Seconds of processor time for each of many Pings."""
    begun = time.thread_time()
    for number in range(count):
        await client.ping(ECHO, "Ext<Echo>", number)
    return (time.thread_time() - begun) / count


async def measure() -> dict[str, float]:
    """Seconds of processor time for each Ping, by who looks on."""
    told: dict[str, tuple[Observer, ...]] = {
        "nobody": (),
        "while somebody looks at the dashboard": (),
        "with an observer of failures": (Failures(),),
        "with an observer that wants no wave": (Nothing(),),
    }
    best: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        machines: dict[str, Machine] = {}
        for name, observers in told.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hyperverse-bench-")))
            config = Config(data_dir=folder, control=Control(enabled=False))
            machine = Machine(config, plugins=[Plugin(observers)], registry=MemoryRegistry())
            machines[name] = await stack.enter_async_context(machine)
            await machine.client().exec(f"create localhost<Space>; create {ECHO}<Bench>")
        gc.collect()
        gc.freeze()
        for _ in range(ROUNDS):
            for name, machine in machines.items():
                if "looks" in name:
                    await machine.client().ping("GLOBAL::machine", "Ext<Figures>")
                await pings(machine.client(), WARM)  # the sample of the dashboard has settled
                took = await pings(machine.client(), COUNT)
                best[name] = min(best.get(name, took), took)
    return best


def main() -> None:
    """Measures, prints and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, one JSON object a line")
    args = parser.parse_args()
    best = asyncio.run(measure())
    report, base = Report(args.json), best.pop("nobody") * 1e6
    for (name, seconds), at_most in zip(best.items(), (1.2, 1.05, 1.3), strict=True):
        row = Row(
            name=f"Ping {name}",
            value=seconds * 1e6,
            reference="Ping that nobody observes",
            reference_value=base,
            at_most=at_most,
        )
        print(f"{row.name}: {row.value:.2f} us, {row.value / base:.2f}x of {base:.2f} us, at most {at_most}x")
        report.add(row)


if __name__ == "__main__":
    main()
