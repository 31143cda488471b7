"""What waves cost on one machine, as ratios against a round trip over two queues in the same run.

Run it as ``python tests/bench/bench_local.py [--quick] [--profile] [--json FILE]``. Everything is on that is on by
default: location, the policy ``grants``, the bind, deadlines, conversion of arguments, receipts. The registry is the
one in memory, because no row here waits for it. Each row is printed for asyncio's own event loop and for uvloop, where
that is installed. Rows about waves are measured with 1, 10, 100 and 1,000 of them in flight, and say how many objects
and bytes one of them holds meanwhile. ``--profile`` shows where the time of the sequential Ping and of the Ripple goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import importlib.util
import logging
import pstats
import sys
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import attrs

from bench.report import Report, Row
from hyperverse_core import Ctx, Driver, KindDef, handler, hookimpl
from hyperverse_core.cli.bench.particles import BenchCaller, BenchEcho
from hyperverse_core.config import STANDALONE, Config, Control, StarTemplate
from hyperverse_core.contracts.registry import Registration
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind

CALLER = "localhost:caller"
TARGET = "localhost:target"
CROWD = "localhost:crowd"
MEMORY = 20_000
ROUNDS = 5
FLIGHTS = (1, 10, 100, 1_000)
QUEUES = "two queue hops"
LEASE = 120.0  # a handler here keeps the event loop for as long as it measures
Ask = Callable[..., Awaitable[Any]]


@attrs.define
class LocalCaller(BenchCaller):
    """Sends in further ways."""

    @handler("Ext<Tasks>")
    async def tasks(self, ctx: Ctx, to: list[str], method: str, rounds: int) -> float:
        """A task for each Ping, all of a round at once."""
        begun = time.perf_counter()
        for _ in range(rounds):
            await asyncio.gather(*(ctx.ping(point, method, 1) for point in to))
        return (time.perf_counter() - begun) / (rounds * len(to))

    @handler("Ext<RippleTo>")
    async def ripple_to(self, ctx: Ctx, to: list[str], rounds: int) -> float:
        """Ripples to these points; the time of one."""
        points = [Point.parse(text) for text in to]
        begun = time.perf_counter()
        for _ in range(rounds):
            await ctx.ripple(points, "Ext<Echo>", 1)
        return (time.perf_counter() - begun) / rounds


@attrs.define
class LocalEcho(BenchEcho):
    """Answers at once, or after a turn of the event loop."""

    @handler("Ext<Turn>")
    async def turn(self, ctx: Ctx, number: int) -> int:
        """The number that came, after a turn."""
        await asyncio.sleep(0)
        return number


class CallerDriver(Driver):
    """Serves LocalCaller."""

    kind = KindDef("LocalCaller", doc="Asks, for measurements")
    particle = LocalCaller


class EchoDriver(Driver):
    """Serves LocalEcho."""

    kind = KindDef("LocalEcho", doc="Answers, for measurements")
    particle = LocalEcho


class LocalPlugin:
    """Brings both Kinds."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers their drivers."""
        register(CallerDriver)
        register(EchoDriver)


def line(row: Row) -> str:
    """A row for people."""
    memory = "" if row.objects is None else f"   {row.objects:.0f} objects, {row.bytes:,.0f} bytes"
    if row.ratio is None:
        bound = "" if row.at_most is None else f"   at most {row.at_most:g} {row.unit}"
        return f"{row.name:<58} {row.value:9.2f} {row.unit}{bound}{memory}"
    mark = "" if row.at_most is None else "ok" if row.ratio <= row.at_most else "MISSED"
    bound = "" if row.at_most is None else f"at most {row.at_most:g}x"
    return f"{row.name:<58} {row.value:9.2f} {row.unit}  {row.ratio:5.2f}x  {bound:<14} {mark:<6}{memory}"


async def queue_trip(count: int) -> float:
    """Seconds of a round trip over two queues between two tasks: the reference."""
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        while True:
            await back.put(await there.get())

    task = asyncio.create_task(answer())
    begun = time.perf_counter()
    for number in range(count):
        await there.put(number)
        await back.get()
    took = (time.perf_counter() - begun) / count
    task.cancel()
    return took


@asynccontextmanager
async def running(particles: int, stars: tuple[StarTemplate, ...] = STANDALONE) -> AsyncIterator[Ask]:
    """A machine with a caller, a target, and so many particles besides, all of them alive."""
    with tempfile.TemporaryDirectory(prefix="hyperverse-bench-") as folder:
        config = Config(
            name="bench", data_dir=Path(folder), control=Control(enabled=False), seed=1, stars=stars, lease=LEASE
        )
        machine = Machine(config, plugins=[LocalPlugin()], registry=MemoryRegistry(), transport=LocalTransport())
        async with machine:
            await machine.registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
            await machine.registry.register(Registration(Point.parse(CROWD), Kind("Base"), HYPERUSER))
            for text, kind in ((CALLER, "LocalCaller"), (TARGET, "LocalEcho")):
                await machine.registry.register(Registration(Point.parse(text), Kind(kind), HYPERUSER))
            client = machine.client()

            async def ask(method: str, body: dict[str, object], expect: type = float) -> Any:
                return await client.ask(CALLER, method, body, wait=600.0, expect=expect)

            await ask("Ext<Sequential>", {"to": TARGET, "count": 100})
            await enliven(machine, particles)
            gc.collect()
            gc.freeze()
            yield ask
            gc.unfreeze()


async def enliven(machine: Machine, particles: int) -> None:
    """Registers so many particles and sends each its first wave."""
    client = machine.client()
    for number in range(particles):
        point = Point.parse(f"{CROWD}:e{number:06}")
        await machine.registry.register(Registration(point, Kind("LocalEcho"), HYPERUSER))
        (await client.ping(point, "Ext<Echo>", {"number": 1})).unwrap()


async def best(measure: Callable[[], Awaitable[float]], rounds: int = ROUNDS) -> float:
    """The best of some runs: what the computer does besides only ever adds."""
    return min([await measure() for _ in range(rounds)])


def row(name: str, seconds: float, reference: str = "", base: float | None = None, at_most: float | None = None) -> Row:
    """A figure in microseconds."""
    value = None if base is None else base * 1e6
    return Row(name=name, value=seconds * 1e6, reference=reference, reference_value=value, at_most=at_most)


async def waves(share: float) -> AsyncIterator[Row]:
    """The rows of the table."""
    many, few = max(200, int(20_000 * share)), max(2, int(20 * share))
    crowd = [f"{CROWD}:e{number:06}" for number in range(1_000)]
    async with running(len(crowd)) as ask:
        queue = await best(lambda: queue_trip(many))
        yield row("reference: round trip over two queues", queue)
        ping = await best(lambda: ask("Ext<Sequential>", {"to": TARGET, "count": many}))
        held = await weighed(ask, "Ext<WeighPing>", {"to": TARGET, "count": 100})
        yield attrs.evolve(row("Ping/Pong, sequential", ping, QUEUES, queue, 1.2), **held)
        async for found in in_flight(ask, crowd, queue, few):
            yield found
        one = {"to": [TARGET] * 1_000, "method": "Ext<Echo>", "rounds": few}
        to_one = await best(lambda: ask("Ext<Tasks>", one))
        yield row("Ping/Pong, 1,000 tasks at once, to one particle, each", to_one, QUEUES, queue, 1.5)
        signal = await best(lambda: ask("Ext<Signals>", {"to": TARGET, "count": 2_000}))
        held = await weighed(ask, "Ext<WeighSignals>", {"to": TARGET, "count": 1_000})
        yield attrs.evolve(row("Signal", signal, f"half of {QUEUES}", queue / 2, 1.2), **held)
        selected = await best(lambda: ask("Ext<Ripple>", {"selector": f"{CROWD}:*", "rounds": few}))
        held = await weighed(ask, "Ext<WeighRipple>", {"selector": f"{CROWD}:*", "count": 1_000})
        pings = row("Ripple to 1,000 particles by selector", selected, "1,000 Pings", ping * 1_000, 0.6)
        yield attrs.evolve(pings, **held)
        for count in FLIGHTS[1:]:
            to = {"to": crowd[:count], "rounds": few * 1_000 // count}
            ripple = await best(lambda to=to: ask("Ext<RippleTo>", to))
            name, base = f"Ripple to {count:,} particles by point", ping * count
            yield row(name, ripple, f"{count:,} Pings", base, 0.6 if count == 1_000 else None)


async def in_flight(ask: Ask, crowd: list[str], queue: float, few: int) -> AsyncIterator[Row]:
    """Pings by how many of them are under way at once."""
    for what, method, body in (
        ("senders at once", "Ext<Flight>", {}),
        ("tasks at once", "Ext<Tasks>", {"method": "Ext<Echo>"}),
        ("tasks at once, whose handlers wait", "Ext<Tasks>", {"method": "Ext<Turn>"}),
    ):
        for count in FLIGHTS:
            to = {**body, "to": crowd[:count], "rounds": few * 1_000 // count}
            flight = await best(lambda method=method, to=to: ask(method, to))
            bound = 1.5 if count == 1_000 and "wait" not in what else None
            name = f"Ping/Pong, {count:,} {what}, each"
            held = await weighed(ask, "Ext<WeighPings>", {"to": crowd[:count]}) if "wait" in what else {}
            yield attrs.evolve(row(name, flight, QUEUES, queue, bound), **held)


async def weighed(ask: Ask, method: str, body: dict[str, object]) -> dict[str, float]:
    """Objects and bytes that a wave holds."""
    return dict(await ask(method, body, expect=dict))


async def memory() -> AsyncIterator[Row]:
    """What a live idle particle takes, without its record in the registry in memory."""
    with tempfile.TemporaryDirectory(prefix="hyperverse-bench-") as folder:
        config = Config(name="bench", data_dir=Path(folder), control=Control(enabled=False), seed=1, lease=LEASE)
        registry = MemoryRegistry(feed=10)
        async with Machine(config, plugins=[LocalPlugin()], registry=registry, transport=LocalTransport()) as machine:
            await registry.register(Registration(Point.parse("localhost"), Kind("Space"), HYPERUSER))
            points = [Point.parse(f"localhost:e{number:06}") for number in range(MEMORY)]
            for point in points:
                await registry.register(Registration(point, Kind("LocalEcho"), HYPERUSER))
            client = machine.client()
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            for point in points:
                (await client.ping(point, "Ext<Echo>", {"number": 1})).unwrap()
            await asyncio.sleep(1.0)
            gc.collect()
            after = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            yield Row(name="a live idle particle", value=(after - before) / MEMORY / 1024, unit="KiB", at_most=0.6)


async def shape(share: float) -> AsyncIterator[Row]:
    """A Ping's time by the number of live particles, and of stars."""
    many = max(200, int(20_000 * share))
    first = 0.0
    for particles in (1, 1_000, int(100_000 * max(share, 0.1))):
        async with running(particles) as ask:
            took = await best(lambda: ask("Ext<Sequential>", {"to": TARGET, "count": many}))
            first = first or took
            yield row(f"Ping with {particles:,} live particles", took, "one particle", first, 1.15)
    first = 0.0
    for stars in (STANDALONE[3:4], STANDALONE):
        alone = tuple(attrs.evolve(star, links=()) for star in stars) if len(stars) == 1 else stars
        async with running(1, alone) as ask:
            took = await best(lambda: ask("Ext<Sequential>", {"to": TARGET, "count": many}))
            first = first or took
            yield row(f"Ping with {len(stars) + 1} stars", took, "the fewest stars", first, 1.15)


@contextmanager
def profiled(title: str) -> Iterator[None]:
    """Prints the 20 most expensive functions of the block."""
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    print(f"\n-- {title}")
    pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(20)


async def show_profiles() -> None:
    """Where the time goes."""
    crowd = [f"{CROWD}:e{number:06}" for number in range(1_000)]
    async with running(len(crowd)) as ask:
        for title, method, body in (
            ("Ping, sequential", "Ext<Sequential>", {"to": TARGET, "count": 20_000}),
            ("Signal", "Ext<Signals>", {"to": TARGET, "count": 20_000}),
            ("Ripple to 1,000", "Ext<RippleTo>", {"to": crowd, "rounds": 20}),
        ):
            with profiled(title):
                await ask(method, body)


async def measure(share: float, profile: bool, report: Report) -> None:
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    print(f"-- {loop}, Python {sys.version.split()[0]}")
    for rows in (waves(share), shape(share), memory()):
        async for found in rows:
            report.add(attrs.evolve(found, loop=loop))
            print(line(found), flush=True)
    if profile:
        await show_profiles()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = parser.parse_args()
    report = Report(given.json)
    logging.basicConfig(level=logging.ERROR)
    gc.set_threshold(50_000, 20, 50)  # this and freezing what is there: as `hyperverse up` does
    factories: list[Callable[[], asyncio.AbstractEventLoop] | None] = [None]
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factories.append(uvloop.new_event_loop)
    for factory in factories:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(measure(0.1 if given.quick else 1.0, given.profile, report))


if __name__ == "__main__":
    main()
