"""Typed calls. A line with ``# wrong`` must not check, and every other line must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

import attrs

from hyperverse_core import Answer, At, Client, Ctx, Machine, Particle, Point, Pong, handler


@attrs.frozen
class Price:
    amount: int
    currency: str = "EUR"


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        return self.value + by

    @handler("Ext<Rename>")
    async def rename(self, ctx: Ctx, name: str, *, loud: bool = False) -> None: ...

    @handler("Ext<Prices>")
    async def prices(self, ctx: Ctx, of: Sequence[str]) -> list[Price]:
        return [Price(1) for _ in of]

    @handler("Ext<Raw>")
    async def raw(self, ctx: Ctx) -> Pong:
        return Pong(200)

    @handler("Http<Get>/books/(?P<id>[^/]+)")
    async def book(self, ctx: Ctx, id: str) -> str:
        return id

    async def helper(self, ctx: Ctx) -> int:
        return 1


@attrs.define
class Special(Counter):
    @handler("Ext<Extra>")
    async def extra(self, ctx: Ctx) -> float:
        return 1.0


@attrs.define
class Other(Particle):
    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        return by

    @handler("Ext<Relay>")
    async def relay(self, ctx: Ctx, to: str) -> int:
        hits = ctx.at(to, Counter)
        await hits.tell(Counter.rename, "x")
        await hits.ask(Counter.add, by="three")  # wrong
        return await hits.ask(Counter.add, by=3)


async def right(client: Client, machine: Machine, point: Point) -> None:
    hits = client.at("localhost:hits", Counter)
    assert_type(hits, At[Counter])
    assert_type(await hits.ask(Counter.add), int)
    assert_type(await hits.ask(Counter.add, 3), int)
    assert_type(await hits.ask(Counter.add, by=3), int)
    assert_type(await hits.ask(Counter.rename, "x", loud=True), None)
    assert_type(await hits.ask(Counter.prices, ["a"]), list[Price])
    assert_type(await hits.ask(Counter.raw), Pong)
    assert_type(await hits.ask(Counter.book, id="7"), str)
    assert_type(await hits.tell(Counter.add, by=3), None)
    all_of_them = await client.at("localhost:**<Counter>", Counter, wait=2.0).ask_all(Counter.add)
    assert_type(all_of_them, list[Answer[int]])
    assert_type(all_of_them[0].value, int)
    special = machine.client().at(point, Special, retries=3)
    assert_type(await special.ask(Special.extra), float)
    assert_type(await special.ask(Special.add, by=3), int)
    assert_type(await special.ask(Counter.add, by=3), int)


async def not_right(client: Client) -> None:
    hits = client.at("localhost:hits", Counter)
    await hits.ask(Counter.add, by="three")  # wrong
    await hits.ask(Counter.add, bye=3)  # wrong
    await hits.ask(Counter.add, 1, 2)  # wrong
    await hits.ask(Counter.rename)  # wrong
    await hits.ask(Counter.rename, loud=True)  # wrong
    await hits.ask(Counter.rename, 5)  # wrong
    await hits.ask(Other.add, by=3)  # wrong
    await hits.ask(Special.extra)  # wrong
    await hits.ask("Ext<Add>", by=3)  # wrong
    await hits.tell(Counter.add, by="three")  # wrong
    await hits.ask_all(Counter.add, by=None)  # wrong
    text: str = await hits.ask(Counter.add)  # wrong
    client.at("localhost:hits", Counter, retires=3)  # wrong
    client.at("localhost:hits", "Counter")  # wrong
    print(text)
