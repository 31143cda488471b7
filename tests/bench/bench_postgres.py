"""What the PostgreSQL registry costs, as ratios against raw asyncpg over the same server in the same run.

Run it as ``python tests/bench/bench_postgres.py [--rounds N] [--delay MICROSECONDS] [--json FILE]``. It starts a server
of its own that waits for its disk, and for so long besides, unless ``HYPERVERSE_TEST_PG`` names one. The reference is
one INSERT, or one SELECT, over a connection of its own. Each figure is the least of some rounds, and references and
registry alternate.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import Any, Final

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from hyperverse_core.cli.machine.memory import settle_memory
from hyperverse_core.registry import Assignment, Registration, StarRecord, Status
from hyperverse_core.values import HYPERUSER, Kind, Point, StarKey
from hyperverse_postgres.registry import PostgresRegistry
from postgres_server import temporary_server
from registry.cutting_proxy import proxied

_LONE, _MANY, _SPACE, _STAR = 100, 4096, Point.parse("bench"), StarKey("bench", "fold")
_WRITERS: Final = 8
_SECONDS: Final = 3.0
_INSERT: Final = "insert into raw (point, kind, owner) values ($1, 'Base', 'hyperspace:users:hyperuser')"
_SELECT: Final = "select point, kind, owner from raw where point = $1"


async def _each(act: Callable[[Any], Awaitable[Any]], items: Sequence[Any], flight: int) -> tuple[float, list[Any]]:
    """Microseconds for each item when so many tasks share them, and the results."""
    waiting, found = iter(enumerate(items)), [None] * len(items)

    async def caller() -> None:
        for place, item in waiting:
            found[place] = await act(item)

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(flight)))
    return (time.perf_counter() - begun) / len(items) * 1e6, found


class Bench:
    """The rows, one after another."""

    def __init__(self, url: str, schema: str, rounds: int, report: Report) -> None:
        self._settings = {"url": url, "schema": schema}
        self._rounds = rounds
        self._report = report
        self._points = 0

    def _row(self, name: str, value: float, reference: str, of: float, at_most: float, unit: str = "us") -> None:
        self._report.add(
            Row(name=name, value=value, unit=unit, reference=reference, reference_value=of, at_most=at_most)
        )
        print(f"{name:58}{value:10.1f} {unit:4}{value / of:8.2f}x  (at most {at_most:g}x of {of:.1f})", flush=True)

    def _new(self, count: int) -> list[Point]:
        self._points += count
        return [_SPACE.child(f"p{number}") for number in range(self._points - count, self._points)]

    async def run(self) -> None:
        """All of them."""
        raw = await asyncpg.connect(self._settings["url"])
        await raw.execute(f'set search_path to "{self._settings["schema"]}"')
        async with PostgresRegistry(self._settings) as registry, PostgresRegistry(self._settings) as other:
            await raw.execute("create table raw (point text primary key, kind text, owner text)")
            await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER))
            star = await registry.announce(StarRecord(_STAR, "Fold", "bench"))
            settle_memory()  # as `hyperverse up` does, and for the references too
            await self._writes_and_reads(raw, registry, star)
            await self._heard(raw, registry, other)
            await self._ends(raw, registry)
        await self._turns()
        await self._processes()
        await raw.close()

    async def _writes_and_reads(self, raw: asyncpg.Connection, registry: PostgresRegistry, star: StarRecord) -> None:
        best: dict[str, float] = {}

        def note(name: str, took: float) -> None:
            best[name] = min(took, best.get(name, took))

        for _ in range(self._rounds):
            texts = [str(uuid.uuid4()) for _ in range(_LONE)]
            note("INSERT", (await _each(lambda text: raw.execute(_INSERT, text), texts, 1))[0])
            note("SELECT", (await _each(lambda text: raw.fetchrow(_SELECT, text), texts, 1))[0])
            for flight in (1, 64, 256):
                points = self._new(_LONE if flight == 1 else _MANY)
                note(
                    f"register {flight}",
                    (
                        await _each(
                            lambda p: registry.register(Registration(p, Kind("Base"), HYPERUSER)), points, flight
                        )
                    )[0],
                )
                took, found = await _each(
                    lambda p: registry.assign(p, star.key, star.incarnation, None), points, flight
                )
                note(f"assign {flight}", took)
                held: list[tuple[Point, Assignment]] = [(p, a.assignment) for p, a in zip(points, found, strict=True)]
                note(f"save {flight}", (await _each(lambda h: registry.save_state(*h, b"x" * 100), held, flight))[0])
                note(f"look-up {flight}", (await _each(lambda p: registry.records((p,)), points, flight))[0])
        for flight, most in ((1, 2.0), (64, 0.1), (256, 0.05)):
            for what in ("register", "assign", "save"):
                name = f"{what} on PostgreSQL, {flight} in flight, each"
                self._row(name, best[f"{what} {flight}"], "raw INSERT", best["INSERT"], most)
        for flight, most in ((1, 2.5), (256, 0.15)):
            name = f"look-up of a record, {flight} in flight, each"
            self._row(name, best[f"look-up {flight}"], "raw SELECT", best["SELECT"], most)

    async def _heard(self, raw: asyncpg.Connection, registry: PostgresRegistry, other: PostgresRegistry) -> None:
        """From the call that commits, and from the commit, until another connection, or another registry, knows."""
        listening = await asyncpg.connect(self._settings["url"])
        heard = asyncio.Event()
        await listening.add_listener("bench", lambda *_: heard.set())
        bare, plain, ours, behind = [], [], [], []
        statuses = (Status.READY, Status.PAUSED)
        for number in range(20 * self._rounds):
            heard.clear()
            begun = time.perf_counter()
            await raw.execute("notify bench")
            await heard.wait()
            bare.append(time.perf_counter() - begun)
            heard.clear()
            begun = time.perf_counter()
            await raw.execute(f"insert into raw (point) values ('heard{number}'); notify bench")  # one commit
            await heard.wait()
            plain.append(time.perf_counter() - begun)
            since = await other.revision()
            waiting = asyncio.ensure_future(other.changes(since, timeout=10.0))
            await asyncio.sleep(0.02)
            begun = time.perf_counter()
            await registry.set_status(_SPACE, statuses[number % 2])
            committed = time.perf_counter()
            await waiting
            ours.append(time.perf_counter() - begun)
            behind.append(time.perf_counter() - committed)
        await listening.close()
        # Twice as long, and 10 ms in which notifications are gathered besides. A bare NOTIFY waits for no disk.
        for begins, took, reference, each in (
            ("its commit", behind, "raw NOTIFY", bare),
            ("the call", ours, "raw INSERT, NOTIFY", plain),
        ):
            value, of = (sorted(times)[len(times) // 2] * 1e6 for times in (took, each))
            name = f"a change is heard by another machine, from {begins} on"
            self._row(name, value, reference, of, round(2.0 + 10_000 / of, 1))

    async def _ends(self, raw: asyncpg.Connection, registry: PostgresRegistry) -> None:
        """The expiry of a star that hosts 100,000 particles, and of one that hosts 10."""
        took: dict[int, float] = {}
        for count in (10, 100_000):
            key = StarKey("bench", f"gone{count}")
            star = await registry.announce(StarRecord(key, "Fold", "bench"))
            await raw.execute(
                "insert into particles (point, route, depth, kind, owner, status, star, incarnation, epoch) "
                "select 'x' || $1::text || '-' || n, '', 1, 'Base', 'hyperspace:users:hyperuser', 'Ready', $2, $3, 1 "
                "from generate_series(1, $4::bigint) n",
                str(count),
                str(key),
                star.incarnation,
                count,
            )
        await raw.execute("analyze particles")
        for _ in range(5 * self._rounds):
            for count in (10, 100_000):
                key = StarKey("bench", f"gone{count}")
                (star,) = [found for found in await registry.stars() if found.key == key]
                begun = time.perf_counter()
                assert await registry.expire(star)
                took[count] = min(took.get(count, 1e9), (time.perf_counter() - begun) * 1e6)
                again = await registry.announce(StarRecord(key, "Fold", "bench"))
                await raw.execute("update stars set incarnation = $2 where key = $1", str(key), again.incarnation)
        self._row("expire a star with 100,000 particles", took[100_000], "one with 10", took[10], 1.5)

    async def _turns(self) -> None:
        """Counted by a proxy, for statements that were used before."""
        async with AsyncExitStack() as stack:
            proxy = await stack.enter_async_context(proxied(self._settings["url"]))
            registry = await stack.enter_async_context(PostgresRegistry({**self._settings, "url": proxy.url}))
            star = await registry.announce(StarRecord(StarKey("bench", "turn"), "Fold", "bench"))
            group = self._new(100)
            first, second = group[:50], group[50:]

            async def turns(*acts: Awaitable[Any]) -> int:
                await asyncio.sleep(0.2)  # the notification of what was before
                before = proxy.requests
                await asyncio.gather(*acts)
                return proxy.requests - before

            def save(points: list[Point]) -> list[Awaitable[Any]]:
                return [registry.set_status(point, Status.READY) for point in points]

            await asyncio.gather(*(registry.register(Registration(point, Kind("Base"), HYPERUSER)) for point in group))
            await turns(*save(first))
            await turns(registry.records(first))
            await turns(registry.renew([star]))
            self._row("network turns of a group of 50 writes", await turns(*save(second)), "one", 1.0, 1.0, "")
            looks = [registry.records([point]) for point in group]
            self._row("network turns of 100 look-ups at once", await turns(*looks), "one", 1.0, 1.0, "")
            self._row("network turns of a renewal", await turns(registry.renew([star])), "one", 1.0, 1.0, "")

    async def _processes(self) -> None:
        """Groups of writes a second of one process and of eight, each on a particle of its own."""
        rates = {}
        for count in (1, _WRITERS):
            words = [sys.executable, __file__, "--writer", self._settings["url"], self._settings["schema"]]
            writers = [
                await asyncio.create_subprocess_exec(
                    *words, f"w{count}-{number}", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
                )
                for number in range(count)
            ]
            for writer in writers:
                assert writer.stdout is not None
                await writer.stdout.readline()
            for writer in writers:
                assert writer.stdin is not None
                writer.stdin.write(b"\n")
            said = await asyncio.gather(*(writer.communicate() for writer in writers))
            rates[count] = sum(int(out) for out, _ in said) / _SECONDS
        name = f"groups of writes a second by {_WRITERS} processes, at least 3x"
        self._row(name, rates[_WRITERS], "one process", rates[1], 1e9, "/s")


async def _write(url: str, schema: str, name: str) -> None:
    """One of the writing processes."""
    async with PostgresRegistry({"url": url, "schema": schema}) as registry:
        point = _SPACE.child(name)
        await registry.register(Registration(point, Kind("Base"), HYPERUSER))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        until, count = time.monotonic() + _SECONDS, 0
        while time.monotonic() < until:
            await registry.sequence(point)
            count += 1
        print(count, flush=True)


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each figure")
    parser.add_argument("--delay", type=int, default=0, help="microseconds that each commit takes longer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--writer", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.writer:
        asyncio.run(_write(*given.writer))
        return
    own = os.environ.get("HYPERVERSE_TEST_PG")
    slower = {"commit_delay": str(given.delay), "commit_siblings": "0"}
    with nullcontext() if own else temporary_server(fsync="on", **slower) as server:
        url = own or (server.url() if server is not None else "")
        asyncio.run(Bench(url, f"bench_{uuid.uuid4().hex[:8]}", given.rounds, Report(given.json)).run())


if __name__ == "__main__":
    main()
