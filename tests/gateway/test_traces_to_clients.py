"""The trace of the wave being handled travels with the waves that its handler sends to clients."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs

from hyperverse_core import Client, Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.universe.waves.wave import Ping, Signal

TRACE = {
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "a=1",
    "baggage": "user=ada",
}


@attrs.define
class Teller(Particle):
    @handler("Ext<Tell>")
    async def tell(self, ctx: Ctx, to: str) -> int:
        await ctx.signal(to, "Ext<Told>")
        return (await ctx.ping(to, "Ext<Asked>")).status


class TellerDriver(Driver):
    kind = KindDef("Teller", doc="Sends waves to a client")
    particle = Teller


class Tellers:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        register(TellerDriver)


async def test_a_client_sees_the_trace_of_what_made_a_handler_send(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(Machine(Config(data_dir=tmp_path / "data"), plugins=(Tellers(),)))
        await machine.client().exec("create localhost<Space>; create localhost:teller<Teller>")
        token = (machine.data_dir / "token").read_text().strip()
        outside = await stack.enter_async_context(Client.connect(machine.data_dir))
        inside = await stack.enter_async_context(await machine.authenticate(token))
        for client in (outside, inside, machine.client()):
            seen: asyncio.Queue[tuple[str, dict[str, str]]] = asyncio.Queue()

            def note(wave: Ping | Signal, seen: asyncio.Queue[tuple[str, dict[str, str]]] = seen) -> None:
                seen.put_nowait((wave.method.text, dict(wave.headers or {})))

            client.on_wave(note)
            body = {"to": client.surface.point.text}
            assert await client.ask("localhost:teller", "Ext<Tell>", body, headers=TRACE) == 200
            assert [await seen.get(), await seen.get()] == [("Ext<Told>", TRACE), ("Ext<Asked>", TRACE)]
