"""A plugin of the drivers that a test gives it, a plain particle for them, and commands."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from hyperverse_core import Ctx, Driver, Machine, Particle, handler, hookimpl
from hyperverse_core.values import PropertiesConfig, PropertyDef

ANY = PropertiesConfig((PropertyDef("size", default="1"),))
"""A property that may be anything."""


@attrs.define
class Plain(Particle):
    """Counts."""

    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx) -> int:
        self.value += 1
        await ctx.save()
        return self.value


class Plugin:
    """Brings some drivers."""

    def __init__(self, *drivers: type[Driver]) -> None:
        self.drivers = drivers

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        for driver in self.drivers:
            register(driver)


async def run(machine: Machine, text: str) -> None:
    await machine.client().exec(text)
