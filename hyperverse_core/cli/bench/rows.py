"""The measurements of `hyperverse bench`, each with its reference."""

from __future__ import annotations

import asyncio
import itertools
import math
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from ...config import Config, Control
from ...fabric.machine import Machine
from ..machine.memory import settle_memory
from .particles import BenchPlugin
from .row import Row
from .wave_memory import WaveMemory

__all__ = ["STEPS", "measure"]

_ROUNDS: Final = 5
STEPS: Final = _ROUNDS + 2
"""Number of calls of ``step`` by :func:`measure`."""
_QUEUES, _HALF, _INSERT = "two queue hops", "half of two queue hops", "one sqlite3 insert"
_FLIGHT: Final = 256
_CROWD: Final = 1_000
_LEASE: Final = 120.0
"""Lease of the stars in seconds. A handler that measures blocks the event loop, on a busy computer for seconds."""


async def measure(folder: Path, share: float, step: Callable[[str], None]) -> list[Row]:
    """Measures all rows in a machine of its own, on the running event loop.

    Every round measures each row and each reference once. The minimum of the rounds counts for both, because other work
    of the computer can only add to a figure.

    Args:
        folder: directory for the files of the machine and of the reference.
        share: share of the full work, from 0 to 1.
        step: called with the name of each step before it begins.
    """
    settle_memory()  # as `hyperverse up` does, and for the references too
    config = Config(name="bench", data_dir=folder / "data", control=Control(enabled=False), lease=_LEASE)
    async with Machine(config, plugins=[BenchPlugin()]) as machine:
        run = _Run(machine, share)
        step("particles")
        await run.prepare()
        with _Inserts(folder / "raw.sqlite") as inserts:
            for number in range(_ROUNDS):
                step(f"round {number + 1} of {_ROUNDS}")
                await run.waves()
                await run.durable(number, inserts)
        step("memory of a wave")
        return run.rows(await run.memory())


async def _queue_trip(count: int) -> float:
    """Returns the seconds for a round trip between two tasks over two queues."""
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


class _Inserts:
    """The reference of durable operations: inserts of one row, each in its own transaction, in WAL mode."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._numbers = itertools.count()
        for text in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "CREATE TABLE t (point TEXT PRIMARY KEY, kind TEXT, body BLOB) WITHOUT ROWID",
        ):
            self._connection.execute(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def time(self, count: int) -> float:
        """Returns the seconds for each of ``count`` inserts."""
        execute = self._connection.execute
        began = time.perf_counter()
        for number in itertools.islice(self._numbers, count):
            execute("BEGIN IMMEDIATE")
            execute("INSERT INTO t VALUES (?, ?, ?)", (f"localhost:a{number}", "BenchEcho", b"x" * 64))
            execute("COMMIT")
        return (time.perf_counter() - began) / count


class _Run:
    """Runs the rounds, and keeps the minimum of each figure in seconds."""

    def __init__(self, machine: Machine, share: float) -> None:
        self._client = machine.client()
        self._share = share
        self._crowd = [f"localhost:crowd:e{number}" for number in range(_CROWD)]
        self._least: dict[str, float] = defaultdict(lambda: math.inf)

    def _note(self, name: str, seconds: float) -> None:
        self._least[name] = min(self._least[name], seconds)

    async def prepare(self) -> None:
        """Creates and activates the particles."""
        await self._create("localhost", "Space")
        for base in ("localhost:crowd", "localhost:made"):
            await self._create(base, "Base")
        await self._create("localhost:caller", "BenchCaller")
        await self._create("localhost:one", "BenchEcho")
        await asyncio.gather(*(self._create(point, "BenchEcho") for point in self._crowd))
        await self._ask("Ext<Flight>", {"to": self._crowd, "rounds": 1})

    async def _create(self, point: str, kind: str) -> None:
        (result,) = await self._client.exec(f"create {point}<{kind}>", check=False)
        result.unwrap()

    async def _ask(self, method: str, body: dict[str, Any], expect: type = float) -> Any:
        return await self._client.ask("localhost:caller", method, body, wait=300.0, expect=expect)

    async def waves(self) -> None:
        """Measures one round of waves between particles of one machine."""
        many, few = int(20_000 * self._share), max(2, int(20 * self._share))
        self._note("queue", await _queue_trip(many))
        self._note("ping", await self._ask("Ext<Sequential>", {"to": "localhost:one", "count": many}))
        self._note("flight", await self._ask("Ext<Flight>", {"to": self._crowd, "rounds": few}))
        self._note("signal", await self._ask("Ext<Signals>", {"to": "localhost:one", "count": 2_000}))
        self._note("ripple", await self._ask("Ext<Ripple>", {"selector": "localhost:crowd:*", "rounds": few}))

    async def durable(self, number: int, inserts: _Inserts) -> None:
        """Measures one round of durable operations, with new particles."""
        count = max(_FLIGHT, int(2_048 * self._share))
        points = [f"localhost:made:d{number}-{place}" for place in range(count)]
        self._note("insert", inserts.time(count))
        self._note("create", await self._ask("Ext<Create>", {"points": points, "flight": _FLIGHT}))
        self._note("first", await self._in_flight(points, lambda point: self._client.ask(point, "Ext<Echo>", 1)))
        keepers = points[:_FLIGHT] * (count // _FLIGHT)
        self._note("save", await self._in_flight(keepers, lambda point: self._client.ask(point, "Ext<Keep>")))

    @staticmethod
    async def _in_flight(points: Sequence[str], work: Callable[[str], Any]) -> float:
        """Returns the seconds for each operation while 256 are in flight."""
        waiting = iter(points)

        async def worker() -> None:
            for point in waiting:
                await work(point)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(_FLIGHT)))
        return (time.perf_counter() - began) / len(points)

    async def memory(self) -> dict[str, WaveMemory]:
        """Returns the memory of each kind of wave."""
        asked: dict[str, tuple[str, dict[str, Any]]] = {
            "ping": ("Ext<WeighPing>", {"to": "localhost:one", "count": 100}),
            "flight": ("Ext<WeighPings>", {"to": self._crowd}),
            "signal": ("Ext<WeighSignals>", {"to": "localhost:one", "count": _CROWD}),
            "ripple": ("Ext<WeighRipple>", {"selector": "localhost:crowd:*", "count": _CROWD}),
        }
        return {key: WaveMemory(**await self._ask(method, body, dict)) for key, (method, body) in asked.items()}

    def rows(self, memory: dict[str, WaveMemory]) -> list[Row]:
        """Returns the rows of the table."""
        least = self._least
        queue, insert = least["queue"], least["insert"]
        figures = (
            ("Ping/Pong, sequential", "ping", _QUEUES, queue, 1.2),
            ("Ping/Pong, 1,000 in flight, each", "flight", _QUEUES, queue, 1.5),
            ("Signal", "signal", _HALF, queue / 2, 1.2),
            ("Ripple to 1,000 particles", "ripple", "1,000 sequential Pings", least["ping"] * _CROWD, 0.6),
            ("create, durable, 256 in flight, each", "create", _INSERT, insert, 1.5),
            ("first wave to a particle, 256 in flight, each", "first", _INSERT, insert, 3.0),
            ("durable save, 256 particles at once, each", "save", _INSERT, insert, 1.5),
        )
        return [self._row(*figure, memory) for figure in figures]

    def _row(
        self, name: str, key: str, reference: str, base: float, at_most: float, memory: dict[str, WaveMemory]
    ) -> Row:
        weighed = memory.get(key)
        return Row(
            name=name,
            value=self._least[key] * 1e6,
            reference=reference,
            reference_value=base * 1e6,
            at_most=at_most,
            loop=type(asyncio.get_running_loop()).__module__.partition(".")[0],
            objects=None if weighed is None else weighed.objects,
            bytes=None if weighed is None else weighed.bytes,
        )
