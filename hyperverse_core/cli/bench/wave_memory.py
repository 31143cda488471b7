"""Measures the memory that a wave holds while it is in flight."""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from ...contracts.driver import Ctx

__all__ = ["Barrier", "WaveMemory", "memory_now", "weigh_ping", "weigh_pings", "weigh_ripple", "weigh_signals"]

HOLD, ECHO, WEIGH = "Ext<Hold>", "Ext<Echo>", "Ext<Weigh>"


@attrs.frozen
class WaveMemory:
    """The memory of one wave, on average.

    Attributes:
        objects: number of blocks of memory, about one for each Python object.
        bytes: size of all of them.
    """

    objects: float
    bytes: float


@attrs.define(eq=False)
class Barrier:
    """A barrier at which handlers wait until it opens.

    Attributes:
        held: number of handlers that wait.
    """

    held: int = 0
    _opened: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def hold(self) -> None:
        """Waits until it opens."""
        self.held += 1
        await self._opened.wait()

    async def reached(self, count: int, asked: asyncio.Future[Any]) -> None:
        """Returns when ``count`` handlers wait. Raises the exception of ``asked`` if it fails before that."""
        while self.held < count:
            if asked.done():
                asked.result()
                raise RuntimeError(f"{self.held} of {count} handlers waited, and all were answered")
            await asyncio.sleep(0)

    def open(self) -> None:
        """Releases all of them."""
        self._opened.set()


def _traced(count: int) -> WaveMemory:
    """Returns the memory that was allocated since tracing began and is still in use, divided by ``count``."""
    size, _ = tracemalloc.get_traced_memory()
    return WaveMemory(len(tracemalloc.take_snapshot().traces) / count, size / count)


async def _weigh(act: Callable[[], Awaitable[WaveMemory]]) -> WaveMemory:
    """Runs ``act`` twice and returns the second result: the first run fills caches that live longer than a wave."""
    found = WaveMemory(0.0, 0.0)
    for _ in range(2):
        gc.collect()
        tracemalloc.start()
        try:
            found = await act()
        finally:
            tracemalloc.stop()
    return found


async def weigh_pings(ctx: Ctx, to: list[str], gates: Callable[[], Barrier]) -> WaveMemory:
    """Returns the memory of a Ping while the handlers of all particles wait. It includes the task of the sender."""

    async def act() -> WaveMemory:
        gate = gates()
        asked = asyncio.gather(*(ctx.ping(point, HOLD) for point in to))
        await gate.reached(len(to), asked)
        found = _traced(len(to))
        gate.open()
        await asked
        return found

    return await _weigh(act)


async def weigh_ping(ctx: Ctx, to: str, count: int) -> WaveMemory:
    """Returns the memory of a single Ping when its handler begins, without a task: the median of ``count`` Pings."""
    objects, sizes = [], []
    tracemalloc.start()
    try:
        for _ in range(count):
            before = memory_now()
            handled = (await ctx.ping(to, WEIGH)).unwrap()
            objects.append(handled[0] - before[0])
            sizes.append(handled[1] - before[1])
    finally:
        tracemalloc.stop()
    return WaveMemory(statistics.median(objects), statistics.median(sizes))


def memory_now() -> tuple[int, int]:
    """Returns the blocks of memory in use, and the bytes that were allocated since tracing began."""
    return sys.getallocatedblocks(), tracemalloc.get_traced_memory()[0]


async def weigh_signals(ctx: Ctx, to: str, count: int, gates: Callable[[], Barrier]) -> WaveMemory:
    """Returns the memory of a Signal while ``count`` of them wait at a particle whose handler waits."""

    async def act() -> WaveMemory:
        gate = gates()
        asked = asyncio.ensure_future(ctx.ping(to, HOLD))
        await gate.reached(1, asked)
        for number in range(count):
            await ctx.signal(to, ECHO, number)
        found = _traced(count)
        gate.open()
        await asked
        await ctx.ping(to, ECHO, 0)
        return found

    return await _weigh(act)


async def weigh_ripple(ctx: Ctx, selector: str, count: int, gates: Callable[[], Barrier]) -> WaveMemory:
    """Returns the memory of one copy of a Ripple while the handlers of ``count`` particles wait."""

    async def act() -> WaveMemory:
        gate = gates()
        asked = asyncio.ensure_future(ctx.ripple(selector, HOLD))
        await gate.reached(count, asked)
        found = _traced(count)
        gate.open()
        await asked
        return found

    return await _weigh(act)
