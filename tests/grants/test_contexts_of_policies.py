"""What a policy sets in a variable is its own: whoever has sent the wave, and the next one, do not see it."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.contracts.policy import Decision, Request
from hyperverse_core.contracts.registry import Change
from hyperverse_grants.policy import GrantsPolicy

_NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


def _set() -> None:
    _NAME.set("the policy")
    decimal.getcontext().prec = 3


class Setting(GrantsPolicy):
    """Sets variables wherever it is asked, and notes what it finds there."""

    waits = False
    found: set[str]

    async def _begun(self) -> None:
        if self.waits:
            await asyncio.sleep(0)
        self.found.add(_NAME.get())
        _set()
        if self.waits:
            await asyncio.sleep(0)

    async def decide(self, request: Request) -> Decision:
        await self._begun()
        return await super().decide(request)

    async def decide_many(self, requests: Sequence[Request]) -> list[Decision]:
        await self._begun()
        return list(await super().decide_many(requests))

    def changed(self, change: Change) -> None:
        _set()
        super().changed(change)


@attrs.define
class Third(Particle):
    @handler("Ext<Third>")
    async def third(self, ctx: Ctx, to: str) -> list[str]:
        """What a handler finds after it has sent a wave and run a command."""
        _NAME.set("the handler")
        await ctx.ping(to, "Cmd<Bounce>")
        await ctx.execute(f"select {to}")
        return [_NAME.get(), str(decimal.Decimal(1) / 3)]


class ThirdDriver(Driver):
    kind = KindDef("Third")
    particle = Third


class Thirds:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """One."""
        register(ThirdDriver)


@pytest.mark.parametrize("waits", [False, True])
async def test_no_handler_sees_what_a_policy_has_set(start_machine: Any, waits: bool) -> None:
    policy = Setting()
    policy.found = set()
    client = (await start_machine(policy=policy, plugins=[Thirds()])).client()
    await client.exec("create localhost<Space>; create localhost:a<Third>; create localhost:b<Third>")
    policy.waits = waits
    policy.found.clear()
    _NAME.set("the caller")
    told = await client.ask("localhost:a", "Ext<Third>", {"to": "localhost:b"})
    assert told == ["the handler", "0.3333333333333333333333333333"]
    assert (_NAME.get(), decimal.getcontext().prec) == ("the caller", 28)
    assert policy.found == {"nobody"}
