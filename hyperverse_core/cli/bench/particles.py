"""The particles that `hyperverse bench` measures with, in a plugin of its own machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar

import attrs

from ...contracts.driver import Ctx, Driver, Particle, handler
from ...hookspecs import hookimpl
from ...universe.kind_defs.kind_def import KindDef
from .wave_memory import Barrier, memory_now, weigh_ping, weigh_pings, weigh_ripple, weigh_signals

__all__ = ["BenchPlugin"]


@attrs.define
class BenchEcho(Particle):
    """Answers waves, counts, and saves its count."""

    gate: ClassVar[Barrier] = Barrier()
    value: int = 0

    @classmethod
    def new_gate(cls) -> Barrier:
        """Creates and returns the gate at which the next handlers of ``Ext<Hold>`` wait."""
        cls.gate = Barrier()
        return cls.gate

    @handler("Ext<Hold>")
    async def hold(self, ctx: Ctx) -> None:
        """Waits at the gate."""
        await self.gate.hold()

    @handler("Ext<Weigh>")
    async def weigh(self, ctx: Ctx) -> tuple[int, int]:
        """Returns the blocks and bytes of memory in use."""
        return memory_now()

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, number: int) -> int:
        """Returns the number that it gets."""
        return number

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx) -> None:
        """Saves a small state durably."""
        self.value += 1
        await ctx.save()


@attrs.define
class BenchCaller(Particle):
    """Sends waves from a handler, and returns the seconds that each took."""

    @handler("Ext<Sequential>")
    async def sequential(self, ctx: Ctx, to: str, count: int) -> float:
        """Sends one Ping after the other."""
        began = time.perf_counter()
        for number in range(count):
            await ctx.ping(to, "Ext<Echo>", number)
        return (time.perf_counter() - began) / count

    @handler("Ext<Flight>")
    async def flight(self, ctx: Ctx, to: list[str], rounds: int) -> float:
        """Runs one sender for each point, all at once. Each sends one Ping after the other to its point."""

        async def sender(point: str) -> None:
            for _ in range(rounds):
                await ctx.ping(point, "Ext<Echo>", 1)

        began = time.perf_counter()
        await asyncio.gather(*map(sender, to))
        return (time.perf_counter() - began) / (rounds * len(to))

    @handler("Ext<Create>")
    async def create(self, ctx: Ctx, points: list[str], flight: int) -> float:
        """Creates particles, ``flight`` of them at once. Returns the seconds for each."""
        waiting = iter(points)

        async def worker() -> None:
            for point in waiting:
                await ctx.create(point, "BenchEcho")

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(flight)))
        return (time.perf_counter() - began) / len(points)

    @handler("Ext<Signals>")
    async def signals(self, ctx: Ctx, to: str, count: int) -> float:
        """Sends Signals, and then a Ping that waits until the last Signal has been handled."""
        began = time.perf_counter()
        for number in range(count):
            await ctx.signal(to, "Ext<Echo>", number)
        await ctx.ping(to, "Ext<Echo>", 0)
        return (time.perf_counter() - began) / count

    @handler("Ext<Ripple>")
    async def ripple(self, ctx: Ctx, selector: str, rounds: int) -> float:
        """Sends Ripples to a selector. Returns the seconds for one Ripple."""
        began = time.perf_counter()
        for _ in range(rounds):
            await ctx.ripple(selector, "Ext<Echo>", 1)
        return (time.perf_counter() - began) / rounds

    @handler("Ext<WeighPings>")
    async def weigh_pings(self, ctx: Ctx, to: list[str]) -> dict[str, float]:
        """Returns the memory of a Ping while one is in flight to each of these particles."""
        return attrs.asdict(await weigh_pings(ctx, to, BenchEcho.new_gate))

    @handler("Ext<WeighPing>")
    async def weigh_ping(self, ctx: Ctx, to: str, count: int) -> dict[str, float]:
        """Returns the memory of a Ping that is in flight alone."""
        return attrs.asdict(await weigh_ping(ctx, to, count))

    @handler("Ext<WeighSignals>")
    async def weigh_signals(self, ctx: Ctx, to: str, count: int) -> dict[str, float]:
        """Returns the memory of a Signal while ``count`` of them wait at a particle."""
        return attrs.asdict(await weigh_signals(ctx, to, count, BenchEcho.new_gate))

    @handler("Ext<WeighRipple>")
    async def weigh_ripple(self, ctx: Ctx, selector: str, count: int) -> dict[str, float]:
        """Returns the memory of one copy of a Ripple while it is in flight to ``count`` particles."""
        return attrs.asdict(await weigh_ripple(ctx, selector, count, BenchEcho.new_gate))


class BenchEchoDriver(Driver):
    """Serves BenchEcho."""

    kind = KindDef("BenchEcho", doc="Answers, for measurements")
    particle = BenchEcho


class BenchCallerDriver(Driver):
    """Serves BenchCaller."""

    kind = KindDef("BenchCaller", doc="Asks, for measurements")
    particle = BenchCaller


class BenchPlugin:
    """Registers the drivers of both Kinds."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers the drivers of both Kinds."""
        register(BenchEchoDriver)
        register(BenchCallerDriver)
