"""A Kind whose particles guests ask."""

from __future__ import annotations

import asyncio
from typing import Any

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl

__all__ = ["Other", "OtherDriver", "hyperverse_register_drivers"]


class Other(Particle):
    """Whom guests ask."""

    async def _answer(self, ctx: Ctx, body: Any) -> Any:
        if body == "back":
            return (await ctx.ping(ctx.agent, "Ext<Echo>", "again")).error
        if body == "wait":
            await asyncio.sleep(3600)
        return {"agent": str(ctx.agent), "body": body}

    @handler("Ext<Hello>")
    async def hello(self, ctx: Ctx, body: Any = None) -> Any:
        return await self._answer(ctx, ctx.wave.body)

    concurrent = True


class OtherDriver(Driver):
    kind = KindDef("Other", doc="Is asked")
    particle = Other


@hookimpl
def hyperverse_register_drivers(register: Any) -> None:
    register(OtherDriver)
