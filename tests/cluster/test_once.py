"""A handler runs once for one id, also where answers are lost or are not kept any more."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

from cluster.worlds import InProcess
from hyperverse_core import Ctx, Driver, KindDef, Machine, Outcome, Particle, handler, hookimpl
from hyperverse_core.contracts.registry import StarRecord
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.universe.address.star_key import StarKey


class Counts:
    """The plugin of the Kind Counted, which counts how often a handler has run for a wave."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        """Counted."""
        ran = self.ran

        class Counted(Particle):
            concurrent = True

            @handler("Ext<Go>")
            async def go(self, ctx: Ctx) -> None:
                """Answers at once."""
                ran[f"go {ctx.wave.id}"] += 1

            @handler("Ext<Slow>")
            async def slow(self, ctx: Ctx, seconds: float = 60.0) -> None:
                """Takes its time."""
                ran[f"slow {ctx.wave.id}"] += 1
                await asyncio.sleep(seconds)

        class CountedDriver(Driver):
            kind = KindDef("Counted", doc="counts")
            particle = Counted
            bind = """Bind(version=1.0.0) {
                Route<Ext<Go>>/(?P<next>c[0-9]+) -> (()) -> localhost:${next}^Ext<Slow> => &;
                Route<Ext<*>> -> (()) => &;
            }"""

        register(CountedDriver)


class _LateNews:
    """A machine's connection to the registry that shows some stars as they were.

    Attributes:
        as_before: their records, by key.
    """

    def __init__(self, inner: MemoryRegistry) -> None:
        self.inner = inner
        self.as_before: dict[StarKey, StarRecord] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def stars(self, *args: Any, **kwargs: Any) -> list[StarRecord]:
        return [self.as_before.get(found.key, found) for found in await self.inner.stars(*args, **kwargs)]


async def _two(inside: InProcess, counts: Counts) -> tuple[Machine, str, str]:
    """A machine of two, a particle that lives on it, and one that lives on the other."""
    inside.plugins = (counts,)
    first, _ = await inside.start("first"), await inside.start("second")
    await asyncio.sleep(1.0)
    client, homes = first.client(), {}
    await client.exec("create localhost<Space>")
    for name in (f"localhost:c{number}" for number in range(12)):
        await client.exec(f"create {name}<Counted>")
        homes[(await client.ping(name, "Cmd<Bounce>")).remote] = name
    return first, homes[False], homes[True]


async def test_a_lost_answer_of_a_stop_does_not_begin_its_pipeline_anew(inside: InProcess) -> None:
    counts = Counts()
    first, near, far = await _two(inside, counts)
    path = "/" + far.removeprefix("localhost:")
    reply = await first.client().ping(near, "Ext<Go>", path=path, wait=10.0, retries=2)
    assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)
    assert counts.ran == {f"go {reply.id}": 1, f"slow {reply.id}": 1}


async def test_a_repeat_that_comes_when_the_reply_is_gone_does_not_run_the_handler_again(inside: InProcess) -> None:
    hub = inside.hub = FaultyHub(random.Random(1), notice=0.6)
    counts = Counts()
    first, _, far = await _two(inside, counts)
    asked = asyncio.ensure_future(first.client().ping(far, "Ext<Slow>", {"seconds": 0.5}, wait=300.0, retries=200))
    await asyncio.sleep(0.2)
    hub.cut("first", "second")
    await asyncio.sleep(65.0)  # a reply is kept for 60
    hub.heal_all()
    reply = await asked
    assert (reply.status, reply.outcome, "no longer kept" in reply.error) == (503, Outcome.UNKNOWN, True)
    assert counts.ran == {f"slow {reply.id}": 1}


async def test_a_repeat_is_not_taken_by_a_machine_that_has_started_again_since(inside: InProcess) -> None:
    hub = inside.hub = FaultyHub(random.Random(1), notice=0.6)
    counts = Counts()
    inside.plugins = (counts,)
    inside.registry = _LateNews(inside.registry)
    first = await inside.start("first")
    late, inside.registry = inside.registry, inside.registry.inner
    second = await inside.start("second")
    await asyncio.sleep(1.0)
    client = first.client()
    await client.exec("create localhost<Space>")
    far = ""
    for far in (f"localhost:c{number}" for number in range(12)):
        await client.exec(f"create {far}<Counted>")
        if (await client.ping(far, "Cmd<Bounce>")).remote:
            break
    asked = asyncio.ensure_future(client.ping(far, "Ext<Slow>", {"seconds": 0.1}, wait=20.0, retries=200))
    await asyncio.sleep(0.05)
    hub.cut("first", "second")  # the answer is lost
    late.as_before = {star.key: star for star in await late.inner.stars() if "machine" not in str(star.key)}
    second.parts.transport.crash()  # type: ignore[attr-defined]  # it says goodbye to nobody
    await second.stop()
    await inside.start("second")
    hub.heal_all()
    reply = await asked
    assert (reply.status, reply.outcome, "has restarted" in reply.error) == (503, Outcome.UNKNOWN, True)
    assert counts.ran == {f"slow {reply.id}": 1}
