"""Typed calls where the package of the driver is not at hand. A line with ``# wrong`` must not check."""

from __future__ import annotations

from typing import Protocol, assert_type

from hyperverse_core import Client, Ctx, handler


class CounterCalls:
    """A class with the handlers of another program, as ``hyperverse stubs`` writes it."""

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        raise NotImplementedError


class CounterProtocol(Protocol):
    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int: ...


async def use(client: Client) -> None:
    hits = client.at("localhost:hits", CounterCalls)
    assert_type(await hits.ask(CounterCalls.add, by=3), int)
    await hits.ask(CounterCalls.add, by="three")  # wrong
    same = client.at("localhost:hits", CounterProtocol)
    assert_type(await same.ask(CounterProtocol.add, by=3), int)
    await same.ask(CounterProtocol.add, bye=3)  # wrong
