"""The rules of W3C Trace Context through the portal, a pipeline over two machines, and what its steps send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest_asyncio

from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, Register, handler, hookimpl
from hyperverse_core.config import Control
from patience import PATIENCE, until
from portal.web import raw

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
FUTURE = f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be"
NAMES = ("traceparent", "tracestate", "baggage")


@attrs.define
class Step(Particle):
    """Adds what it has seen, and what its neighbour has seen of a wave of its own, to what came before."""

    @handler("Http<*>/walk/(?P<one>[a-z0-9]+)/(?P<two>[a-z0-9]+)")
    async def walk(self, ctx: Ctx, one: str, two: str, seen: tuple[Any, ...] = ()) -> dict[str, Any]:
        other = two if ctx.point.name == one else one
        asked = await ctx.ping(f"localhost:steps:{other}", "Ext<Seen>")
        return {"seen": [*seen, [ctx.point.name, _traces(ctx)], asked.unwrap()]}

    @handler("Ext<Seen>")
    async def seen(self, ctx: Ctx) -> list[Any]:
        return [ctx.point.name, _traces(ctx)]


def _traces(ctx: Ctx) -> dict[str, str]:
    return {name: value for name, value in (ctx.wave.headers or {}).items() if name in NAMES}


class StepDriver(Driver):
    kind = KindDef("Step", doc="A step of a pipeline")
    particle = Step


class EntryDriver(Driver):
    kind = KindDef("Entry", doc="Where requests come in")
    particle = type("Entry", (Particle,), {})
    bind = """
    Bind(version=1.0.0) {
      Route<Http<*>>/walk/(?P<one>[a-z0-9]+)/(?P<two>[a-z0-9]+)
        -> localhost:steps:${one} -> localhost:steps:${two} => &;
    }
    """


class Steps:
    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        register(StepDriver)  # type: ignore[call-arg]
        register(EntryDriver)  # type: ignore[call-arg]


@attrs.frozen
class Pair:
    """Two machines: where the portal of one is, the token of their owner, and a step that lives on each."""

    address: str
    token: str
    one: str
    two: str

    async def walked(self, *headers: tuple[str, str]) -> list[Any]:
        """What each has seen, in the order of the pipeline."""
        lines = [
            f"GET /walk/{self.one}/{self.two} HTTP/1.1",
            "host: entry.example",
            f"authorization: Bearer {self.token}",
            "connection: close",
            *(f"{name}: {value}" for name, value in headers),
        ]
        answer = await raw(self.address, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), answer
        found: list[Any] = json.loads(body)["seen"]
        return found


async def _living_on(machine: Machine) -> str:
    client, own = machine.client(), {star.text for star in machine.parts.stars.values()}
    for number in range(100):
        name = f"s{number}"
        await client.exec(f"create? localhost:steps:{name}<Step>")
        if (await client.ping(f"localhost:steps:{name}", "Cmd<Bounce>", wait=PATIENCE)).star in own:
            return name
    raise AssertionError(f"no step has come to {machine.name}")


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    portal = {"address": "127.0.0.1:0", "hosts": {"entry.example": "localhost:entry"}}

    def config(name: str, **more: Any) -> Config:
        return Config(data_dir=tmp_path / "data", name=name, control=Control(enabled=False), **more)

    async with (
        Machine(config("first", gateways={"portal": portal}), plugins=(Steps(),)) as first,
        Machine(config("second"), plugins=(Steps(),)) as second,
    ):
        await until(lambda: "second" in first.parts.directory.machines(), "the second machine is known")
        await first.client().exec(
            "create localhost<Space>; create localhost:steps<Base>; create localhost:entry<Entry>", wait=PATIENCE
        )
        one, two = await _living_on(first), await _living_on(second)
        token = (tmp_path / "data" / "token").read_text().strip()
        yield Pair(first.status()["gateways"]["portal"], token, one, two)


async def test_a_trace_is_the_same_in_each_step_and_in_what_it_sends(pair: Pair) -> None:
    order = [pair.one, pair.two, pair.two, pair.one]
    state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    for parent in (GOOD, GOOD[:-2] + "00", FUTURE):
        headers = (("traceparent", parent), ("tracestate", state), ("baggage", "user=ada"))
        seen = await pair.walked(*headers)
        assert [name for name, _ in seen] == order
        assert [traces for _, traces in seen] == [dict(headers)] * 4
    split = (("traceparent", GOOD), ("tracestate", "a=1"), ("tracestate", "b=2"))
    together = {"traceparent": GOOD, "tracestate": "a=1, b=2"}
    assert [traces for _, traces in await pair.walked(*split)] == [together] * 4


async def test_what_is_no_trace_reaches_no_step(pair: Pair) -> None:
    state = ("tracestate", "a=1")
    for wrong in (
        (("traceparent", "nonsense"), state),
        (("traceparent", GOOD.upper()), state),
        (("traceparent", GOOD + "-more"), state),
        (("traceparent", f"ff{GOOD[2:]}"), state),
        (("traceparent", f"00-{'0' * 32}-{SPAN}-01"), state),
        (("traceparent", f"01{GOOD[2:]}-{'x' * 600}"), state),
        (("traceparent", GOOD), ("traceparent", GOOD), state),
        (state,),
    ):
        assert [traces for _, traces in await pair.walked(*wrong)] == [{}] * 4, wrong
    long = (("traceparent", GOOD), ("tracestate", "a=" + "x" * 511), ("baggage", "a=" + "x" * 8191))
    assert [traces for _, traces in await pair.walked(*long)] == [{"traceparent": GOOD}] * 4
