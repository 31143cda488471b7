"""What access control costs, as ratios against the same thing done by the hyperuser, who needs no look-up.

Run it as ``python tests/bench/bench_access.py [--quick] [--profile] [--json FILE]``. By default 1,000 grants, 100 users
and 10,000 particles are in a registry of SQLite; ``--quick`` takes a tenth of the particles. All figures are
processor time, so that what else a computer does counts as little as possible; ratios are of the least of several
rounds, with both sides in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import logging
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_local import LocalPlugin, line
from bench.report import Report, Row
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import Config, Control
from hyperverse_core.contracts.registry import Registration
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind

SEEN, HIDDEN = "localhost:seen", "localhost:hidden"
USERS, GRANTS, PARTICLES = 100, 1_000, 10_000
LEASE = 120.0
ROUNDS = 7
AGENT = "localhost:users:u000"
STRANGER = "localhost:users:u001"
Act = Callable[[], Awaitable[object]]


@asynccontextmanager
async def running(particles: int) -> AsyncIterator[Machine]:
    """A machine with users, grants and particles, half of them below a Base that the first user may see and use."""
    with tempfile.TemporaryDirectory(prefix="hyperverse-bench-") as folder:
        config = Config(name="bench", data_dir=Path(folder), control=Control(enabled=False), seed=1, lease=LEASE)
        async with Machine(config, plugins=[LocalPlugin()], transport=LocalTransport()) as machine:
            await fill(machine, particles)
            await asyncio.sleep(1.0)  # the machine reads of all that from the feed
            gc.collect()
            gc.freeze()
            yield machine
            gc.unfreeze()


async def fill(machine: Machine, particles: int) -> None:
    """Registers users, particles and grants."""

    async def register(text: str, kind: str) -> None:
        await machine.registry.register(Registration(Point.parse(text), Kind(kind), HYPERUSER))

    await register("localhost", "Space")
    for text, kind in ((SEEN, "Base"), (HIDDEN, "Base"), ("localhost:users", "UserBase")):
        await register(text, kind)
    await asyncio.gather(*(register(f"localhost:users:u{number:03}", "User") for number in range(USERS)))
    for number in range(0, particles, 500):
        below = range(number, min(number + 500, particles))
        await asyncio.gather(*(register(f"{(SEEN, HIDDEN)[n % 2]}:e{n:06}", "LocalEcho") for n in below))
    await machine.registry.grant(AccessGrant.parse(f"perm +cSd-RwX on {SEEN} to {AGENT} by {HYPERUSER}"))
    await machine.registry.grant(AccessGrant.parse(f"perm +cSd-rwx on {SEEN} to {STRANGER} by {HYPERUSER}"))
    await machine.registry.grant(AccessGrant.parse(f"perm +csd-RwX on {SEEN}:** to {AGENT} by {HYPERUSER}"))
    for number in range(GRANTS - 2):  # of others, nine in ten of them on one particle each
        user, where = 2 + number % (USERS - 2), SEEN if number % 2 else HIDDEN
        on = f"{where}:e{number:06}" if number % 10 else f"{where}:*"
        text = f"perm +csd-RwX on {on} to localhost:users:u{user:03} by {HYPERUSER}"
        await machine.registry.grant(AccessGrant.parse(text))


async def side_by_side(*acts: Act, rounds: int = ROUNDS) -> list[float]:
    """Seconds of processor time of each, the least of the rounds, in turn."""
    least = [float("inf")] * len(acts)
    for _ in range(rounds):
        for number, act in enumerate(acts):
            began = time.process_time()
            await act()
            least[number] = min(least[number], time.process_time() - began)
    return least


def pings(client: ClientApi, point: str, count: int) -> Act:
    """So many Pings, one after the other."""

    async def act() -> None:
        for _ in range(count):
            await client.ping(point, "Ext<Echo>", {"number": 1})

    return act


def ripple(client: ClientApi, selector: str, status: int, count: int) -> Act:
    """A Ripple, whose recipients all answer with that status."""

    async def act() -> None:
        echoes = await client.ripple(selector, "Ext<Echo>", {"number": 1}, wait=100.0)
        assert len(echoes) == count and all(echo.status == status for echo in echoes), echoes[:3]

    return act


def select(client: ClientApi, count: int) -> Act:
    """All pages of a select."""

    async def act() -> None:
        seen = 0
        async for _ in client.select("localhost:*:*<LocalEcho>"):
            seen += 1
        assert seen == count, seen

    return act


async def cold(client: ClientApi, points: list[str]) -> list[float]:
    """Seconds of processor time, of all threads, of the first wave to each of these living particles, whose agent the
    policy has not been asked about."""
    took = []
    for point in points:
        began = time.process_time()
        reply = await client.ping(point, "Ext<Echo>", {"number": 1})
        took.append(time.process_time() - began)
        assert reply.status in (200, 403, 404), reply
    return sorted(took)


async def rows(machine: Machine, particles: int) -> AsyncIterator[Row]:
    """The rows of the table."""
    half, owner, agent, stranger = particles // 2, machine.client(), machine.client(AGENT), machine.client(STRANGER)
    for warm in (f"{SEEN}:*", f"{HIDDEN}:*"):
        await owner.ripple(warm, "Ext<Echo>", {"number": 1}, wait=100.0)

    first = [f"{SEEN}:e{number:06}" for number in range(0, particles, 2)][:1_000]
    for name, client in (("allowed", agent), ("refused", stranger)):
        took = await cold(client, first)
        yield Row(name=f"cold decision, {name}, half of them within", value=took[len(took) // 2] * 1e3, unit="ms")
        yield Row(
            name=f"cold decision, {name}, 95 of 100 within",
            value=took[len(took) * 95 // 100] * 1e3,
            unit="ms",
            at_most=1,
        )

    point, many = first[0], 2_000
    base, allowed, refused = await side_by_side(
        pings(owner, point, many), pings(agent, point, many), pings(stranger, point, many)
    )
    yield row("authorised Ping", allowed / many, "a Ping of the hyperuser", base / many, 1.1)
    yield row("refused Ping", refused / many, "an allowed Ping", allowed / many, 2.0)

    to = f"{SEEN}:*"
    allowed, refused = await side_by_side(ripple(agent, to, 200, half), ripple(stranger, to, 403, half))
    name = f"Ripple that {half:,} particles refuse, each"
    yield row(name, refused / half, "one that they allow", allowed / half, 2.0)

    base, allowed = await side_by_side(select(owner, particles), select(agent, half), rounds=3)
    yield row(
        f"select over {particles:,}, half visible, each", allowed / particles, "by the hyperuser", base / particles, 1.5
    )


def row(name: str, seconds: float, reference: str, base: float, at_most: float) -> Row:
    """A figure in microseconds."""
    return Row(name=name, value=seconds * 1e6, reference=reference, reference_value=base * 1e6, at_most=at_most)


async def profile(machine: Machine) -> None:
    """Where the time of refusals goes."""
    stranger = machine.client(STRANGER)
    for title, act in (
        ("refused Pings", pings(stranger, f"{SEEN}:e000000", 5_000)),
        ("refused Ripple", lambda: stranger.ripple(f"{SEEN}:*", "Ext<Echo>", {"number": 1}, wait=100.0)),
    ):
        profiler = cProfile.Profile()
        profiler.enable()
        await act()
        profiler.disable()
        print(f"\n-- {title}")
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)


async def measure(particles: int, profiled: bool, report: Report) -> None:
    async with running(particles) as machine:
        async for found in rows(machine, particles):
            report.add(found)
            print(line(found), flush=True)
        if profiled:
            await profile(machine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the particles")
    parser.add_argument("--profile", action="store_true", help="show where the time of refusals goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    given = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    gc.set_threshold(50_000, 20, 50)  # this and freezing what is there: as `hyperverse up` does
    asyncio.run(measure(PARTICLES // 10 if given.quick else PARTICLES, given.profile, Report(given.json)))


if __name__ == "__main__":
    main()
