"""A machine that dies says goodbye to nobody: whoever knew its particles there finds them where they come back."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from cluster.worlds import InProcess
from hyperverse_core import Machine
from hyperverse_core.config import StarTemplate
from hyperverse_core.errors import Unavailable
from hyperverse_core.testing.faulty_lane import FaultyHub, FaultyTransport
from hyperverse_core.testing.memory_registry import MemoryRegistry


class _Connection:
    """A machine's connection to the registry.

    Attributes:
        dead: whether nothing that it asks arrives any more.
    """

    def __init__(self, inner: MemoryRegistry) -> None:
        self.inner = inner
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def asked(*args: Any, **kwargs: Any) -> Any:
            if self.dead:
                raise Unavailable("this machine is dead")
            return await method(*args, **kwargs)

        return asked


async def _with_a_dead_one(inside: InProcess) -> tuple[Machine, list[str]]:
    """A machine that remembers where some Tallies lived, on another one that is dead and removed."""
    hub = inside.hub = FaultyHub(random.Random(1), notice=0.6)
    one, connection = await inside.start("one"), _Connection(inside.registry)
    inside.registry, registry = connection, inside.registry  # type: ignore[assignment]  # its methods are forwarded
    other = await inside.start("other")
    inside.registry = registry
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>")
    there = []
    for number in range(12):
        await client.exec(f"create localhost:t{number}<Tally>")
        if (await client.ping(f"localhost:t{number}", "Ext<Add>")).remote:
            there.append(f"localhost:t{number}")
    assert there
    await asyncio.sleep(1.0)  # the feed has told that they were assigned, which drops what was known,
    for point in there:
        assert (await client.ping(point, "Ext<Value>")).remote  # and they are found once more
    connection.dead = True
    transport = other.parts.transport
    assert isinstance(transport, FaultyTransport)
    transport.crash()
    hub.cut("one", "other")
    async with asyncio.timeout(600):
        while any(row["machine"] == "other" for row in await client.stars()):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.1)
    return one, there


async def test_a_signal_finds_a_particle_of_a_dead_machine(inside: InProcess) -> None:
    one, there = await _with_a_dead_one(inside)
    client = one.client()
    for point in there:
        reply = await client.signal(point, "Ext<Tell>", {"what": "hello"})
        assert (reply.status, reply.remote) == (202, False)
        assert await client.ask(point, "Ext<Told>") == ["hello"]


async def test_a_ripple_reaches_the_particles_of_a_dead_machine(inside: InProcess) -> None:
    one, there = await _with_a_dead_one(inside)
    echoes = await one.client().ripple("localhost:*<Tally>", "Ext<Value>")
    assert [echo.status for echo in echoes] == [200] * 12
    assert {str(echo.sender) for echo in echoes} >= set(there)


async def test_a_ping_reaches_a_particle_of_a_dead_machine(inside: InProcess) -> None:
    one, there = await _with_a_dead_one(inside)
    reply = await one.client().ping(there[0], "Ext<Value>")
    assert (reply.status, reply.body, reply.remote) == (200, 1, False)


async def test_a_machine_that_comes_back_with_other_stars_leaves_none_of_its_earlier_life(inside: InProcess) -> None:
    one, connection = await inside.start("one"), _Connection(inside.registry)
    inside.registry, registry = connection, inside.registry  # type: ignore[assignment]  # its methods are forwarded
    before = await inside.start("other", [StarTemplate("nexus", "Nexus"), StarTemplate("lost", "Maelstrom", 7)])
    inside.registry = registry
    connection.dead = True
    await before.stop()
    assert "lost" in {record.key.name for record in await registry.stars()}, "it has not said that it stops"
    await inside.start("other", [StarTemplate("nexus", "Nexus"), StarTemplate("found", "Maelstrom", 7)])
    names = {record.key.name for record in await registry.stars() if record.machine == "other"}
    assert "found" in names and "lost" not in names
    async with asyncio.timeout(60):
        while any("lost" in row["star"] for row in await one.client().stars()):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.1)
