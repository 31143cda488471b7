"""Waves to a client and to a concurrent particle arrive in the order in which they were sent."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Client, Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from patience import PATIENCE


@attrs.define
class Teller(Particle):
    @handler("Ext<Tell>")
    async def tell(self, ctx: Ctx, to: str, count: int, pings: bool = True) -> str:
        for number in range(count):
            if pings and number % 10 == 9:
                await ctx.ping(to, "Ext<Note>", number)
            else:
                await ctx.signal(to, "Ext<Note>", number)
        return "told"


@attrs.define
class Crowd(Particle):
    concurrent = True
    heard: list[int] = attrs.field(factory=list)

    @handler("Ext<Note>")
    async def note(self, ctx: Ctx, number: int) -> None:
        self.heard.append(number)

    @handler("Ext<Heard>")
    async def all(self, ctx: Ctx) -> list[int]:
        return self.heard


class TellerDriver(Driver):
    kind = KindDef("Teller")
    particle = Teller


class CrowdDriver(Driver):
    kind = KindDef("Crowd")
    particle = Crowd


class Plugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Both."""
        register(TellerDriver)
        register(CrowdDriver)


async def _made(machine: Machine) -> None:
    script = "create localhost<Space>; create localhost:t<Teller>; create localhost:c<Crowd>"
    await machine.client().exec(script)


def _noting(client: Client) -> list[Any]:
    heard: list[Any] = []
    client.on_wave(lambda wave: heard.append(wave.body))
    return heard


async def _until(heard: Sequence[Any], count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(heard) < count:  # noqa: ASYNC110 - the callback knows no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("count", [9, 30, 100, 200])
@pytest.mark.parametrize("pings", [True, False])
async def test_signals_and_pings_of_a_handler_reach_a_client_in_order_and_before_the_reply(
    config: Config, data_dir: Path, count: int, pings: bool
) -> None:
    async with Machine(config, plugins=[Plugin()]) as machine, Client.connect(data_dir) as client:
        await _made(machine)
        heard = _noting(client)
        body = {"to": client.surface.point.text, "count": count, "pings": pings}
        heard.append(await client.ask("localhost:t", "Ext<Tell>", body))
        await _until(heard, count + 1)
        assert heard == [*range(count), "told"]


async def test_they_do_from_another_machine(config: Config, data_dir: Path) -> None:
    async with (
        Machine(config, plugins=[Plugin()]) as first,
        Machine(attrs.evolve(config, name="other"), plugins=[Plugin()]) as other,
    ):
        await _made(first)
        await first.client().ask("localhost:t", "Ext<Tell>", {"to": "localhost:c", "count": 1})
        for machine in (first, other):
            async with Client.connect(data_dir, machine=machine.name) as client:
                heard = _noting(client)
                body = {"to": client.surface.point.text, "count": 100, "pings": True}
                heard.append(await client.ask("localhost:t", "Ext<Tell>", body))
                await _until(heard, 101)
                assert heard == [*range(100), "told"]


async def test_waves_of_one_handler_reach_a_concurrent_particle_in_order(config: Config) -> None:
    async with Machine(config, plugins=[Plugin()]) as machine:
        await _made(machine)
        client = machine.client()
        await client.ask("localhost:t", "Ext<Tell>", {"to": "localhost:c", "count": 95})
        assert await client.ask("localhost:c", "Ext<Heard>") == list(range(95))


async def test_waves_that_are_sent_at_once_begin_in_the_order_of_their_sending(config: Config) -> None:
    async with Machine(config, plugins=[Plugin()]) as machine:
        await _made(machine)
        client = machine.client()
        sends = [client.ping if number % 3 == 2 else client.signal for number in range(60)]
        await asyncio.gather(*(send("localhost:c", "Ext<Note>", number) for number, send in enumerate(sends)))
        assert await client.ask("localhost:c", "Ext<Heard>") == list(range(60))


async def test_no_signal_is_lost_when_a_client_gets_many_at_once(config: Config, data_dir: Path) -> None:
    async with Machine(config, plugins=[Plugin()]) as machine, Client.connect(data_dir) as client:
        await _made(machine)
        heard = _noting(client)
        body = {"to": client.surface.point.text, "count": 1500, "pings": False}
        await client.ask("localhost:t", "Ext<Tell>", body)
        await _until(heard, 1500)
        assert heard == list(range(1500))


@pytest.fixture
def busy_machine(config: Config) -> Iterator[Machine]:
    """A machine that goes on while the test keeps its own loop busy: it has a thread and a loop of its own."""
    begun: queue.Queue[Machine | BaseException] = queue.Queue()
    over = threading.Event()

    async def run() -> None:
        async with Machine(config, plugins=[Plugin()]) as machine:
            await _made(machine)
            begun.put(machine)
            await asyncio.to_thread(over.wait)

    def serve() -> None:
        try:
            asyncio.run(run())
        except BaseException as exc:
            begun.put(exc)
            raise

    thread = threading.Thread(target=serve)
    thread.start()
    started = begun.get(timeout=PATIENCE)
    try:
        assert isinstance(started, Machine), started
        yield started
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("count", [400, 1200])
async def test_a_reply_does_not_overtake_hundreds_of_signals_that_a_busy_client_reads_with_it(
    busy_machine: Machine, data_dir: Path, count: int
) -> None:
    async with Client.connect(data_dir) as client:
        heard: list[Any] = []

        def note(wave: Any) -> None:
            if not heard:
                time.sleep(1)  # meanwhile all others arrive, and the reply behind them
            heard.append(wave.body)

        client.on_wave(note)
        body = {"to": client.surface.point.text, "count": count, "pings": False}
        heard.append(await client.ask("localhost:t", "Ext<Tell>", body))
        await _until(heard, count + 1)
        assert heard == [*range(count), "told"]
