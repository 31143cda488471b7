"""Drivers and particles: behaviour. Each Kind has one driver, which makes the particles of that Kind.

The usual case is a :class:`Particle` with handlers and a :class:`Driver` that names it::

    @attrs.define
    class Counter(Particle):
        value: int = 0                       # attrs fields are the particle's durable state

        @handler("Ext<Add>")
        async def add(self, ctx: Ctx, by: int = 1) -> int:
            self.value += by
            await ctx.save()                 # returns when the new state is committed
            return self.value

    class CounterDriver(Driver):
        kind = KindDef("Counter", doc="A durable counter")
        particle = Counter
"""

from __future__ import annotations

from .driver import Draft, Driver, DriverHost, Traits
from .handlers import HandlerSpec, handler
from .particle import Particle, state, transient
from .property import Property
from .sending import Ctx, Sender
from .typed import Answer, At

__all__ = [
    "Answer",
    "At",
    "Ctx",
    "Draft",
    "Driver",
    "DriverHost",
    "HandlerSpec",
    "Particle",
    "Property",
    "Sender",
    "Traits",
    "handler",
    "state",
    "transient",
]
