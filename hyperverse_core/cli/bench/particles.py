"""The particles that `hyperverse bench` measures with, as a plugin that only its own machine has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar

import attrs

from ...contracts.driver import Ctx, Driver, Particle, handler
from ...hookspecs import hookimpl
from ...universe.kind_defs.kind_def import KindDef
from .wave_memory import Gate, memory_now, weigh_ping, weigh_pings, weigh_ripple, weigh_signals

__all__ = ["BenchPlugin"]


@attrs.define
class BenchEcho(Particle):
    """Answers, counts, keeps."""

    gate: ClassVar[Gate] = Gate()
    value: int = 0

    @classmethod
    def new_gate(cls) -> Gate:
        """The next handlers of ``Ext<Hold>`` wait at this one."""
        cls.gate = Gate()
        return cls.gate

    @handler("Ext<Hold>")
    async def hold(self, ctx: Ctx) -> None:
        """Waits at the gate."""
        await self.gate.hold()

    @handler("Ext<Weigh>")
    async def weigh(self, ctx: Ctx) -> tuple[int, int]:
        """Blocks and bytes of memory in use."""
        return memory_now()

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, number: int) -> int:
        """The number that came."""
        return number

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx) -> None:
        """One durable save of a small state."""
        self.value += 1
        await ctx.save()


@attrs.define
class BenchCaller(Particle):
    """Sends waves as a particle does, and says how long each took (seconds)."""

    @handler("Ext<Sequential>")
    async def sequential(self, ctx: Ctx, to: str, count: int) -> float:
        """One Ping after the other."""
        began = time.perf_counter()
        for number in range(count):
            await ctx.ping(to, "Ext<Echo>", number)
        return (time.perf_counter() - began) / count

    @handler("Ext<Flight>")
    async def flight(self, ctx: Ctx, to: list[str], rounds: int) -> float:
        """As many senders as there are points, all at once, each of which sends one Ping after the other to its own."""

        async def sender(point: str) -> None:
            for _ in range(rounds):
                await ctx.ping(point, "Ext<Echo>", 1)

        began = time.perf_counter()
        await asyncio.gather(*map(sender, to))
        return (time.perf_counter() - began) / (rounds * len(to))

    @handler("Ext<Create>")
    async def create(self, ctx: Ctx, points: list[str], flight: int) -> float:
        """Creates particles, so many of them at once; the time for each."""
        waiting = iter(points)

        async def worker() -> None:
            for point in waiting:
                await ctx.create(point, "BenchEcho")

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(flight)))
        return (time.perf_counter() - began) / len(points)

    @handler("Ext<Signals>")
    async def signals(self, ctx: Ctx, to: str, count: int) -> float:
        """Signals, and a Ping at the end that waits for the last to be handled."""
        began = time.perf_counter()
        for number in range(count):
            await ctx.signal(to, "Ext<Echo>", number)
        await ctx.ping(to, "Ext<Echo>", 0)
        return (time.perf_counter() - began) / count

    @handler("Ext<Ripple>")
    async def ripple(self, ctx: Ctx, selector: str, rounds: int) -> float:
        """Ripples to all that the selector matches; the time of one ripple."""
        began = time.perf_counter()
        for _ in range(rounds):
            await ctx.ripple(selector, "Ext<Echo>", 1)
        return (time.perf_counter() - began) / rounds

    @handler("Ext<WeighPings>")
    async def weigh_pings(self, ctx: Ctx, to: list[str]) -> dict[str, float]:
        """What a Ping holds when one is under way to each of these particles."""
        return attrs.asdict(await weigh_pings(ctx, to, BenchEcho.new_gate))

    @handler("Ext<WeighPing>")
    async def weigh_ping(self, ctx: Ctx, to: str, count: int) -> dict[str, float]:
        """What a Ping holds that nobody else waits beside."""
        return attrs.asdict(await weigh_ping(ctx, to, count))

    @handler("Ext<WeighSignals>")
    async def weigh_signals(self, ctx: Ctx, to: str, count: int) -> dict[str, float]:
        """What a Signal holds when so many wait at a particle."""
        return attrs.asdict(await weigh_signals(ctx, to, count, BenchEcho.new_gate))

    @handler("Ext<WeighRipple>")
    async def weigh_ripple(self, ctx: Ctx, selector: str, count: int) -> dict[str, float]:
        """What each copy of a Ripple holds when it is under way to so many particles."""
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
    """Brings both Kinds."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Registers their drivers."""
        register(BenchEchoDriver)
        register(BenchCallerDriver)
