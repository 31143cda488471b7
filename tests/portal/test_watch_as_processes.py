"""A stream of the portal outlives the machine of the particle that it tells of: a process that is killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hyperverse_core import Client
from patience import PATIENCE, until
from portal.browser import Machines
from portal.web import Stream

pytestmark = pytest.mark.thorough
CONFIG = """
[plugins]
local = true
"""
KINDS = '''
import attrs

from hyperverse_core import Driver, KindDef, Particle, handler, hookimpl


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx) -> int:
        """Counts on."""
        self.value += 1
        await ctx.save()
        return self.value


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="Counts")
    particle = Counter


@hookimpl
def hyperverse_register_drivers(register):
    register(CounterDriver)
'''


async def _added(client: Client, point: str) -> int:
    """Counts on, as soon as the particle is somewhere again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            pong = await client.ping(point, "Ext<Add>")
            if pong.ok:
                return int(pong.unwrap())
            await asyncio.sleep(0.1)


async def test_a_stream_tells_of_a_particle_whose_machine_was_killed(tmp_path: Path) -> None:
    (tmp_path / "hyperverse.toml").write_text(CONFIG)
    (tmp_path / "hyperverse_local.py").write_text(KINDS)
    machines = Machines(tmp_path)
    try:
        said = await asyncio.to_thread(machines.start, "one", "--portal", "127.0.0.1:0")
        await asyncio.to_thread(machines.start, "two")
        token = (machines.data_dir / "token").read_text().strip()
        async with Client.connect(data_dir=machines.data_dir, machine="one") as client:
            await client.exec("create localhost<Space>")
            points = [f"localhost:c{number}" for number in range(16)]
            for point in points:
                await client.exec(f"create {point}<Counter>")
                await _added(client, point)
            there = [point for point in points if (await client.describe(point))["machine"] == "two"]
            assert there, "some live on each machine"
            query = "&".join(f"point={point}" for point in there) + "&aspect=State"
            query = "&".join(f"point={point}" for point in there) + "&aspect=State"
            async with Stream(said["gateways"]["portal"], query, token) as stream:
                heard: list[tuple[str, str]] = []
                listening = asyncio.ensure_future(_listen(stream, heard))
                for point in there:
                    await _added(client, point)
                    await until(lambda point=point: ("state", point) in heard, f"the change of {point}")
                assert not [name for name, _ in heard if name == "missed"]
                await asyncio.to_thread(machines.kill, "two")
                before = len(heard)
                values = [await _added(client, point) for point in there]
                assert min(values) >= 3, "nothing that was saved is lost"
                await until(lambda: len(heard) > before, "a change, or that one may have been missed")
                for point in there:
                    for _ in range(3):
                        await _added(client, point)
                    again = ("state", point)  # at most one of them is of the first change after the loss
                    await until(lambda again=again: heard[before:].count(again) > 1, f"further changes of {point}")
                assert (await client.describe(there[0]))["machine"] == "one"
                assert not listening.done(), "the stream goes on"
                listening.cancel()
    finally:
        machines.end()


async def _listen(stream: Stream, heard: list[tuple[str, str]]) -> None:
    """Notes down each event, with the point that it is about."""
    async for name, told in stream.events():
        heard.append((name, told.get("point", "")))
