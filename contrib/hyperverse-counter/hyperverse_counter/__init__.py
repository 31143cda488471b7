"""The Kind Counter: a durable number that many senders can increase."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl

__all__ = ["Counter", "CounterDriver"]


@attrs.define
class Counter(Particle):
    """A number that many senders can increase."""

    value: int = 0  # attrs fields are the particle's durable state

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        """Adds ``by`` and returns the new value after saving it."""
        self.value += by
        await ctx.save()
        return self.value

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        """Returns the value."""
        return self.value


class CounterDriver(Driver):
    """Serves the Kind Counter."""

    kind = KindDef("Counter", doc="A durable counter")
    particle = Counter


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Called once when a machine starts."""
    register(CounterDriver)
