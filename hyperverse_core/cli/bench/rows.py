"""What `hyperverse bench` measures, each against its reference."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from ...config import Config, Control
from ...fabric.machine import Machine
from ..machine.memory import settle_memory
from .particles import BenchPlugin

__all__ = ["ROWS", "Row", "measure"]

ROWS: Final = (
    "references",
    "particles",
    "Ping, sequential",
    "Ping, 1,000 in flight",
    "Signal",
    "Ripple to 1,000",
    "create, 256 in flight",
    "first wave, 256 in flight",
    "save, 256 particles at once",
)
_QUEUES, _HALF, _INSERT = "two queue hops", "half of two queue hops", "one sqlite3 insert"
_FLIGHT = 256
_Figures = tuple[str, float, str, float, float]


@attrs.frozen
class Row:
    """One figure.

    Attributes:
        loop: the event loop that it was measured on.
        what: what was measured.
        seconds: how long each took.
        reference, base: what it is compared with, and how long that took.
        at_most: what the ratio should not exceed.
    """

    loop: str
    what: str
    seconds: float
    reference: str
    base: float
    at_most: float

    @property
    def ratio(self) -> float:
        """How many times the reference it took."""
        return self.seconds / self.base

    def plain(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**attrs.asdict(self), "ratio": self.ratio}


async def measure(folder: Path, share: float, step: Callable[[str], None]) -> list[Row]:
    """Runs everything in a machine of its own, on the event loop that runs.

    Args:
        folder: for the machine's and the reference's files.
        share: of the full work.
        step: is told what comes next.
    """
    settle_memory()  # as `hyperverse up` does, and for the references too
    step("references")
    queue = min([await _queue_trip(int(20_000 * share)) for _ in range(3)])
    insert = _insert(folder / "raw.sqlite", int(2_000 * share))
    config = Config(name="bench", data_dir=folder / "data", control=Control(enabled=False))
    async with Machine(config, plugins=[BenchPlugin()]) as machine:
        run = _Run(machine, share, step)
        await run.prepare()
        rows = [*await run.waves(queue), *await run.durable(insert)]
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    return [Row(loop, *figures) for figures in rows]


async def _queue_trip(count: int) -> float:
    """There and back between two tasks, over two queues."""
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        while True:
            await back.put(await there.get())

    task = asyncio.create_task(answer())
    began = time.perf_counter()
    for number in range(count):
        await there.put(number)
        await back.get()
    took = (time.perf_counter() - began) / count
    task.cancel()
    return took


def _insert(path: Path, count: int) -> float:
    """One row in a transaction of its own, in WAL mode."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE t (point TEXT PRIMARY KEY, kind TEXT, body BLOB) WITHOUT ROWID")
    began = time.perf_counter()
    for number in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?, ?, ?)", (f"localhost:a{number}", "BenchEcho", b"x" * 64))
        connection.execute("COMMIT")
    took = (time.perf_counter() - began) / count
    connection.close()
    return took


class _Run:
    def __init__(self, machine: Machine, share: float, step: Callable[[str], None]) -> None:
        self._client = machine.client()
        self._share = share
        self._step = step
        self._crowd = [f"localhost:crowd:e{number}" for number in range(1_000)]

    async def prepare(self) -> None:
        """Makes the particles and brings them to life."""
        self._step("particles")
        await self._create("localhost", "Space")
        await self._create("localhost:crowd", "Base")
        await self._create("localhost:caller", "BenchCaller")
        await self._create("localhost:one", "BenchEcho")
        await asyncio.gather(*(self._create(point, "BenchEcho") for point in self._crowd))
        await self._ask("Ext<Flight>", {"to": self._crowd, "rounds": 1})

    async def _create(self, point: str, kind: str) -> None:
        (result,) = await self._client.exec(f"create {point}<{kind}>")
        result.unwrap()

    async def _ask(self, method: str, body: dict[str, Any]) -> float:
        return float(await self._client.ask("localhost:caller", method, body, wait=300.0))

    async def waves(self, queue: float) -> list[_Figures]:
        """Between particles of one machine."""
        many, few = int(20_000 * self._share), max(2, int(20 * self._share))
        one = {"to": "localhost:one", "count": many}
        self._step("Ping, sequential")
        ping = await self._ask("Ext<Sequential>", one)
        self._step("Ping, 1,000 in flight")
        flight = await self._ask("Ext<Flight>", {"to": self._crowd, "rounds": few})
        self._step("Signal")
        signal = await self._ask("Ext<Signals>", {"to": "localhost:one", "count": 2_000})
        self._step("Ripple to 1,000")
        ripple = await self._ask("Ext<Ripple>", {"selector": "localhost:crowd:*", "rounds": few})
        return [
            ("Ping/Pong, sequential", ping, _QUEUES, queue, 1.2),
            ("Ping/Pong, 1,000 in flight, each", flight, _QUEUES, queue, 1.5),
            ("Signal", signal, _HALF, queue / 2, 1.2),
            ("Ripple to 1,000 particles", ripple, "1,000 sequential Pings", ping * 1_000, 0.6),
        ]

    async def durable(self, insert: float) -> list[_Figures]:
        """What must survive the process."""
        count = max(_FLIGHT, int(8_192 * self._share))
        points = [f"localhost:crowd:d{number}" for number in range(count)]
        self._step("create, 256 in flight")
        create = await self._ask("Ext<Create>", {"points": points, "flight": _FLIGHT})
        self._step("first wave, 256 in flight")
        first = await self._in_flight(points, lambda point: self._client.ask(point, "Ext<Echo>", 1))
        self._step("save, 256 particles at once")
        keepers = points[:_FLIGHT] * max(1, count // _FLIGHT)
        save = await self._in_flight(keepers, lambda point: self._client.ask(point, "Ext<Keep>"))
        return [
            ("create, durable, 256 in flight, each", create, _INSERT, insert, 1.5),
            ("first wave to a particle, 256 in flight, each", first, _INSERT, insert, 3.0),
            ("durable save, 256 particles at once, each", save, _INSERT, insert, 1.5),
        ]

    @staticmethod
    async def _in_flight(points: Sequence[str], work: Callable[[str], Any]) -> float:
        """The time for each when 256 are under way at once."""
        waiting = iter(points)

        async def worker() -> None:
            for point in waiting:
                await work(point)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(_FLIGHT)))
        return (time.perf_counter() - began) / len(points)
