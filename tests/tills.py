"""A Kind whose waves are counted, and what a machine has counted of them."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Pong, handler, hookimpl

__all__ = ["MACHINE", "Tills", "figures"]

MACHINE = "GLOBAL::machine"


@attrs.define
class Till(Particle):
    """Takes money, and fails in every way that is counted."""

    sold: int = 0

    @handler("Ext<Sell>")
    async def sell(self, ctx: Ctx) -> int:
        self.sold += 1
        await ctx.save()
        return self.sold

    @handler("Ext<Give>")
    async def give(self, ctx: Ctx, status: int) -> Pong:
        return Pong(status, {"error": "as you like"})

    @handler("Ext<Break>")
    async def fail(self, ctx: Ctx) -> None:
        raise ValueError("it is jammed")

    @handler("Ext<Hang>")
    async def hang(self, ctx: Ctx) -> None:
        await asyncio.sleep(3600)


class TillDriver(Driver):
    kind = KindDef("Till", doc="Takes money")
    particle = Till


class Tills:
    """The plugin of the Kind Till."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(TillDriver)


async def figures(machine: Machine) -> dict[str, Any]:
    """What ``Ext<Figures>`` answers of each machine, by its name."""
    found: dict[str, Any] = (await machine.client().ask(MACHINE, "Ext<Figures>"))["machines"]
    return found
