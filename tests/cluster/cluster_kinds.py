"""The Kinds of the tests with many machines. Also copied into the folder of machines that run as processes of their
own, where it is ``hyperverse_local.py``: so it imports ``hyperverse_core`` itself and no module below it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, PropertiesConfig, PropertyDef, handler, hookimpl


@attrs.define
class Tally(Particle):
    """A number that many may add to, and a list of what it was told."""

    value: int = 0
    told: list[Any] = attrs.field(factory=list)

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        """Adds, durably."""
        self.value += by
        await ctx.save()
        return self.value

    @handler("Ext<Value>")
    async def get(self, ctx: Ctx) -> int:
        """The number."""
        return self.value

    @handler("Ext<Tell>")
    async def tell(self, ctx: Ctx, what: Any) -> None:
        """Remembers something, in memory and with the next state."""
        self.told.append(what)

    @handler("Ext<Told>")
    async def all_told(self, ctx: Ctx) -> list[Any]:
        """What it was told."""
        return self.told

    @handler("Ext<Say>")
    async def say(self, ctx: Ctx, text: str) -> None:
        """Writes a line to its log."""
        ctx.log.warning("%s", text)

    @handler("Ext<Echo>")
    async def echo(self, ctx: Ctx, body: Any = None) -> Any:
        """What it was sent."""
        return body

    @handler("Ext<Wait>")
    async def wait(self, ctx: Ctx, seconds: float, begun: str = "") -> float:
        """Takes its time. Adds one to the Tally ``begun`` before."""
        if begun:
            await ctx.ping(begun, "Ext<Add>")
        await asyncio.sleep(seconds)
        return seconds


@attrs.define
class Hashed(Tally):
    """As Tally."""


class Relay(Particle):
    """Passes a wave on."""

    concurrent = True

    @handler("Ext<Pass>")
    async def pass_on(self, ctx: Ctx, to: list[str], method: str, body: Any = None) -> Any:
        """Sends to the first of ``to``, through further relays when there are more."""
        if len(to) == 1:
            return (await ctx.ping(to[0], method, body)).unwrap()
        return (await ctx.ping(to[0], "Ext<Pass>", {"to": to[1:], "method": method, "body": body})).unwrap()

    @handler("Ext<SendMany>")
    async def send_many(self, ctx: Ctx, to: str, count: int) -> None:
        """Signals the numbers below ``count``, in order."""
        for number in range(count):
            await ctx.signal(to, "Ext<Tell>", {"what": number})


class TallyDriver(Driver):
    kind = KindDef("Tally", doc="A number (for tests)", properties=PropertiesConfig((PropertyDef("note"),)))
    particle = Tally


class HashedDriver(Driver):
    kind = KindDef("Hashed", doc="A number that lives where its hash says (for tests)")
    particle = Hashed
    placement = "hash"


class RelayDriver(Driver):
    kind = KindDef("Relay", doc="Passes waves on (for tests)")
    particle = Relay


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """The three."""
    register(TallyDriver)
    register(HashedDriver)
    register(RelayDriver)
