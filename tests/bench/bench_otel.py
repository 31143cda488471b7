"""What OpenTelemetry costs a Ping on one machine: ``python tests/bench/bench_otel.py [--json FILE]``.

With 1 % of the traces recorded and with metrics, against the same Ping that nobody observes. Processor time of the
event loop's thread, the least of several rounds in turn; the SDK sends to nobody, from a thread of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "contrib" / "hyperverse-otel"))

from hyperverse_otel import Telemetry
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from bench.report import Report, Row
from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import Control
from hyperverse_core.testing import MemoryRegistry

ROUNDS, COUNT, SHARE = 30, 2000, 0.01
ECHO = "localhost:echo"


class Nowhere(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """See the base class."""
        return SpanExportResult.SUCCESS


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


class Plugin:
    """The driver, and the observers of one Telemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(BenchDriver)

    @hookimpl
    def hyperverse_register_observers(self, register: Any) -> None:
        for observer in self._telemetry.observers:
            register(observer)


async def pings(client: ClientApi) -> float:
    """Seconds of processor time for each of many Pings, each of which begins a trace or not."""
    begun = time.thread_time()
    for number in range(COUNT):
        await client.ping(ECHO, "Ext<Echo>", number)
    return (time.thread_time() - begun) / COUNT


async def measure() -> dict[str, float]:
    """Seconds of processor time for each Ping, by what observes it."""
    told = {
        "nobody": Telemetry(),
        "traces": Telemetry([BatchSpanProcessor(Nowhere())], share=SHARE),
        "traces and metrics": Telemetry([BatchSpanProcessor(Nowhere())], [InMemoryMetricReader()], share=SHARE),
    }
    best: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        clients = {}
        for name, telemetry in told.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hyperverse-bench-")))
            config = Config(data_dir=folder, control=Control(enabled=False))
            machine = Machine(config, plugins=[Plugin(telemetry)], registry=MemoryRegistry())
            clients[name] = (await stack.enter_async_context(machine)).client()
            await clients[name].exec(f"create localhost<Space>; create {ECHO}<Bench>")
        gc.collect()
        gc.freeze()
        for _ in range(ROUNDS):
            for name, client in clients.items():
                took = await pings(client)
                best[name] = min(best.get(name, took), took)
    for telemetry in told.values():
        telemetry.close(10.0)
    return best


def main() -> None:
    """Measures, prints and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, one JSON object a line")
    args = parser.parse_args()
    best = asyncio.run(measure())
    report, base = Report(args.json), best["nobody"] * 1e6
    for name, at_most in (("traces", 1.3), ("traces and metrics", 1.5)):
        row = Row(
            name=f"Ping, {name}",
            value=best[name] * 1e6,
            reference="Ping that nobody observes",
            reference_value=base,
            at_most=at_most,
        )
        print(f"{row.name}: {row.value:.2f} us, {row.value / base:.2f}x of {base:.2f} us, at most {at_most}x")
        report.add(row)


if __name__ == "__main__":
    main()
