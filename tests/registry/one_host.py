"""Registries of one host, for tests: each over a proxy of its own, which counts what the server notifies it of."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

import attrs

from hyperverse_core.registry import Registration
from hyperverse_core.values import HYPERUSER, Kind, Point
from hyperverse_postgres.registry import PostgresRegistry
from hyperverse_postgres.schema import lock_class
from patience import PATIENCE, START
from postgres_server import Database
from registry.cutting_proxy import CuttingProxy, proxied

__all__ = ["NEVER", "Changes", "Hearing", "Hears", "changing", "hearing", "notified", "watched"]

NEVER = 3600.0
"""Seconds between two slow looks, where a test must not be helped by one."""
_TIMES = 4
_HOME = Point.parse("localhost")


@asynccontextmanager
async def watched(database: Database) -> AsyncIterator[CuttingProxy]:
    """A proxy that counts notifications of the registry."""
    async with proxied(database.url) as proxy:
        proxy.counts = b"hyperverse_%d" % lock_class(database.schema)
        yield proxy


@attrs.define(eq=False)
class Changes:
    """Changes of a registry, made by one that takes no part in what the host shares: it stands behind a pooler."""

    _registry: PostgresRegistry
    _numbers: count[int] = attrs.field(factory=count, init=False)

    async def one(self) -> str:
        """Makes a change. Returns the point of its entry."""
        point = _HOME.child(f"p{next(self._numbers)}")
        await self._registry.register(Registration(point, Kind("Base"), HYPERUSER))
        return point.text


@asynccontextmanager
async def changing(database: Database) -> AsyncIterator[Changes]:
    """Who makes changes."""
    async with PostgresRegistry({**database.settings, "pooler": True}) as registry:
        await registry.register(Registration(_HOME, Kind("Space"), HYPERUSER))
        yield Changes(registry)


class Hears(Protocol):
    """What hears of changes over a proxy."""

    proxy: CuttingProxy

    async def hears(self, *points: str) -> None:
        """Waits until it has heard of changes."""


_H = TypeVar("_H", bound=Hears)


@attrs.define(eq=False)
class Hearing:
    """A process with a registry.

    Attributes:
        proxy: over which it reaches the server.
        said: what it has heard.
    """

    proxy: CuttingProxy
    process: asyncio.subprocess.Process
    said: set[str] = attrs.field(factory=set, init=False)

    async def hears(self, *points: str) -> None:
        """Waits until it has heard of changes."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while not self.said.issuperset(points):
                line = await self.process.stdout.readline()
                assert line, "the process has ended"
                self.said.add(line.decode().strip())

    def stop(self) -> None:
        """Stops it."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Kills it. May be called twice."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def hearing(
    database: Database, many: int, *, slow: float = NEVER, doubts: float = 10.0, child: bool = False
) -> AsyncIterator[list[Hearing]]:
    """So many processes.

    Args:
        database: with the registry, which exists.
        many: number of processes.
        slow: seconds between two looks without a notification.
        doubts: seconds for which a silent leader is not relied on.
        child: whether each forks a child, which lives on when the process is killed.
    """
    script = str(Path(__file__).with_name("hearing_process.py"))
    processes: list[Hearing] = []
    async with AsyncExitStack() as stack:
        ends = os.pipe()  # a pipe of asyncio would end with the process
        for end in ends:
            stack.callback(os.close, end)
        for _ in range(many):
            proxy = await stack.enter_async_context(watched(database))
            settings = json.dumps({**database.settings, "url": proxy.url})
            words = (sys.executable, script, settings, str(slow), str(doubts), "child" if child else "")
            process = await asyncio.create_subprocess_exec(*words, stdin=ends[0], stdout=asyncio.subprocess.PIPE)
            one = Hearing(proxy, process)
            stack.push_async_callback(one.kill)
            processes.append(one)
        for one in processes:
            assert one.process.stdout is not None
            assert await asyncio.wait_for(one.process.stdout.readline(), START) == b"ready\n"
        yield processes


async def notified(changes: Changes, hearers: Sequence[_H]) -> list[_H]:
    """Makes changes that all of ``hearers`` hear, until the server has notified some of them several times. Returns
    those. (A change may be heard before its notification comes.)"""
    before = [one.proxy.counted for one in hearers]
    times = 0
    async with asyncio.timeout(PATIENCE):
        while times < _TIMES:
            known = sum(one.proxy.counted for one in hearers)
            point = await changes.one()
            await asyncio.gather(*(one.hears(point) for one in hearers))
            times += sum(one.proxy.counted for one in hearers) > known
    return [one for one, known in zip(hearers, before, strict=True) if one.proxy.counted > known]
