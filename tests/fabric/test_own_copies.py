"""What crosses from one particle to another is a copy, also within one process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Pong, handler, hookimpl
from hyperverse_core.errors import BadRequest


@attrs.define
class Keeper(Particle):
    kept: Any = attrs.field(default=None, metadata={"transient": True})
    pong: Any = attrs.field(default=None, metadata={"transient": True})

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx, it: Any) -> None:
        self.kept = it

    @handler("Ext<KeepWhole>")
    async def keep_whole(self, ctx: Ctx, it: Any = None) -> None:
        self.kept = ctx.wave.body

    @handler("Ext<Kept>")
    async def get(self, ctx: Ctx) -> Any:
        return self.kept

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx) -> None:
        self.kept["list"].append("mine")

    @handler("Ext<Pong>")
    async def say(self, ctx: Ctx) -> Pong:
        self.pong = self.pong or Pong(200, {"list": []})
        return self.pong  # type: ignore[no-any-return]  # it is one

    @handler("Ext<Send>")
    async def send(self, ctx: Ctx, to: str, method: str, signal: bool = False) -> list[Any]:
        """Sends, changes what it has sent, and says what the other has then."""
        body = {"it": {"list": [1]}} if method == "Ext<Keep>" else {"list": [1]}
        await (ctx.signal(to, method, body) if signal else ctx.ping(to, method, body))
        mine: Any = body.get("it", body)
        mine["list"].append("yours")
        await asyncio.sleep(0.01)
        await ctx.ping(to, "Ext<Add>")
        theirs = (await ctx.ping(to, "Ext<Kept>")).body
        theirs["list"].append("of the reply")
        return [mine["list"], (await ctx.ping(to, "Ext<Kept>")).body["list"]]


class KeeperDriver(Driver):
    kind = KindDef("Keeper")
    particle = Keeper


class Plugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """One."""
        register(KeeperDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Plugin(),)


async def _made(machine: Machine) -> Any:
    await machine.client().exec("create localhost<Space>; create localhost:a<Keeper>; create localhost:b<Keeper>")
    return machine.client()


@pytest.mark.parametrize("signal", [False, True])
@pytest.mark.parametrize("method", ["Ext<Keep>", "Ext<KeepWhole>"])
async def test_neither_side_sees_what_the_other_does_to_a_body(machine: Machine, method: str, signal: bool) -> None:
    client = await _made(machine)
    said = await client.ask("localhost:a", "Ext<Send>", {"to": "localhost:b", "method": method, "signal": signal})
    assert said == [[1, "yours"], [1, "mine"]]


@pytest.mark.parametrize(
    ("sent", "got"),
    [([1, [2]], [1, [2]]), ((1, (2,)), [1, [2]]), (OrderedDict(a=[1]), {"a": [1]}), ([bytearray(b"x")], [b"x"])],
)
async def test_a_program_and_a_particle_share_nothing(machine: Machine, sent: Any, got: Any) -> None:
    client = await _made(machine)
    await client.ask("localhost:a", "Ext<Keep>", {"it": sent})
    if isinstance(sent, list):
        sent.clear()
    answer = await client.ask("localhost:a", "Ext<Kept>")
    assert answer == got
    answer.clear()
    assert await client.ask("localhost:a", "Ext<Kept>") == got


async def test_a_pong_that_a_handler_keeps_is_its_own(machine: Machine) -> None:
    client = await _made(machine)
    first = await client.ping("localhost:a", "Ext<Pong>")
    first.body["list"].append(1)
    second = await client.ping("localhost:a", "Ext<Pong>")
    assert second.body == {"list": []}
    assert first.id != second.id


async def test_a_body_with_too_many_levels_is_refused_on_one_machine_too(machine: Machine) -> None:
    client = await _made(machine)
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(BadRequest, match="64 levels"):
        await client.ping("localhost:a", "Ext<Keep>", {"it": itself})
