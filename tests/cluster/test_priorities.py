"""Priorities under load: while many waves of a low priority wait, one of a high priority does not."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.worlds import InProcess
from hyperverse_core.client.api import ClientApi
from hyperverse_core.config import Limits
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.scheduling.priority_queue import PriorityQueue
from hyperverse_core.scheduling.worker_pool import WorkerPool
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.universe.waves.wave import Pong, Priority

_BUSY = "localhost:busy"
_MANY = 400
_SENT = [*[Priority.LOW] * _MANY, *[Priority.MED] * 20, *[Priority.HIGH] * 20, *[Priority.HYPER] * 5]


@pytest.fixture
def faulty(inside: InProcess) -> InProcess:
    """Machines whose network can be made slow."""
    inside.hub = FaultyHub(random.Random(1))
    return inside


async def two_machines(world: InProcess, **settings: Any) -> tuple[Machine, Machine]:
    """The one on which the busy Tally lives, and the other one."""
    first, second = await world.start("first", **settings), await world.start("second", **settings)
    await asyncio.sleep(1.0)
    for text in ("localhost<Space>", f"{_BUSY}<Tally>"):
        await first.client().exec(f"create {text}")
    remote = (await first.client().ping(_BUSY, "Ext<Value>")).remote
    return (second, first) if remote else (first, second)


async def keep_busy(client: ClientApi, seconds: float) -> asyncio.Task[Pong]:
    """Gives the Tally something to do that takes its time."""
    task = asyncio.ensure_future(client.ping(_BUSY, "Ext<Wait>", {"seconds": seconds}, priority=0, wait=60.0))
    await asyncio.sleep(seconds / 2)
    return task


def in_order(sent: list[tuple[str, int]]) -> list[list[Any]]:
    """What was sent, as it should be handled: by priority, and as sent within one."""
    return [list(entry) for entry in sorted(sent, key=lambda entry: Priority[entry[0]])]


@pytest.mark.parametrize("far", [False, True], ids=["from the same machine", "from another machine"])
async def test_urgent_pings_are_answered_before_hundreds_that_wait_for_one_particle(
    inside: InProcess, far: bool
) -> None:
    client = (await two_machines(inside))[far].client()
    busy = await keep_busy(client, 2.0)
    answered: list[Priority] = []

    async def tell(number: int, priority: Priority) -> None:
        reply = await client.ping(_BUSY, "Ext<Tell>", {"what": [priority.name, number]}, priority=priority, wait=30.0)
        assert reply.ok, reply.error
        assert reply.remote == far
        answered.append(priority)

    await asyncio.gather(*(tell(number, priority) for number, priority in enumerate(_SENT)))
    assert (await busy).ok
    assert answered == sorted(_SENT)
    told = (await client.ping(_BUSY, "Ext<Told>")).unwrap()
    assert told == in_order([(priority.name, number) for number, priority in enumerate(_SENT)])


@pytest.mark.parametrize("far", [False, True], ids=["from the same machine", "from another machine"])
async def test_urgent_signals_are_handled_before_hundreds_that_wait_for_one_particle(
    inside: InProcess, far: bool
) -> None:
    client = (await two_machines(inside))[far].client()
    busy = await keep_busy(client, 2.0)
    for number, priority in enumerate(_SENT):
        body = {"what": [priority.name, number]}
        assert (await client.signal(_BUSY, "Ext<Tell>", body, priority=priority)).status == 202
    assert (await busy).ok
    told = (await client.ping(_BUSY, "Ext<Told>", priority=Priority.LOW)).unwrap()
    assert told == in_order([(priority.name, number) for number, priority in enumerate(_SENT)])


async def test_an_urgent_ping_overtakes_the_waves_of_somebody_else(inside: InProcess) -> None:
    here, there = await two_machines(inside)
    busy = await keep_busy(here.client(), 2.0)
    many = [
        asyncio.ensure_future(machine.client().ping(_BUSY, "Ext<Add>", priority=Priority.LOW, wait=30.0))
        for machine in (here, there)
        for _ in range(_MANY)
    ]
    await asyncio.sleep(0.1)
    urgent = await asyncio.gather(*(m.client().ping(_BUSY, "Ext<Add>", priority=0) for m in (there, here)))
    assert sorted(reply.unwrap() for reply in urgent) == [1, 2]
    assert sorted(reply.unwrap() for reply in await asyncio.gather(*many)) == list(range(3, 2 * _MANY + 3))
    assert (await busy).ok


async def test_an_urgent_ping_overtakes_what_waits_for_a_slow_lane(faulty: InProcess) -> None:
    here, there = await two_machines(faulty)
    faulty.hub.set_delay("first", "second", 0.5, 0.5)  # type: ignore[attr-defined]  # the fixture's
    body = bytes(100_000)
    order: list[str] = []

    async def echo(name: str, priority: int, body: bytes) -> None:
        (await there.client().ping(_BUSY, "Ext<Echo>", body, priority=priority, wait=60.0)).unwrap()
        order.append(name)

    many = [asyncio.ensure_future(echo("many", Priority.LOW, body)) for _ in range(120)]
    await asyncio.sleep(0.01)
    await echo("urgent", Priority.HYPER, b"")
    await asyncio.gather(*many)
    assert here.name != there.name
    assert order.index("urgent") <= 50  # four megabytes were on their way already


async def test_no_wave_is_lost_or_done_twice_when_urgent_ones_are_given_up(inside: InProcess) -> None:
    here, _ = await two_machines(inside)
    client, chance = here.client(), random.Random(2)
    busy = await keep_busy(client, 3.0)
    pings = [
        asyncio.ensure_future(
            client.ping(_BUSY, "Ext<Add>", priority=chance.randrange(5), wait=chance.choice([0.5, 1.0, 30.0]))
        )
        for _ in range(500)
    ]
    replies = await asyncio.gather(*pings)
    assert (await busy).ok
    done = sorted(reply.body for reply in replies if reply.ok)
    assert {reply.status for reply in replies} == {200, 408}
    assert done == list(range(1, len(done) + 1))
    assert (await client.ping(_BUSY, "Ext<Value>")).unwrap() == len(done)


async def test_a_particle_that_has_too_many_waiting_refuses_the_next_whatever_its_priority(inside: InProcess) -> None:
    here, _ = await two_machines(inside, limits=Limits(mailbox=50))
    client = here.client()
    busy = await keep_busy(client, 2.0)
    many = [asyncio.ensure_future(client.ping(_BUSY, "Ext<Add>", priority=Priority.LOW)) for _ in range(50)]
    await asyncio.sleep(0.1)
    assert (await client.ping(_BUSY, "Ext<Add>", priority=0)).status == 503
    assert all(reply.ok for reply in await asyncio.gather(*many))
    assert (await busy).ok


async def test_urgent_jobs_begin_before_those_that_were_put_earlier() -> None:
    """A worker's next wave: of a machine that has more to do than it can."""
    pool, done = WorkerPool(), asyncio.Event()
    begun: list[str] = []

    async def job(name: str) -> None:
        begun.append(name)
        if len(begun) == 7:
            done.set()

    for number, priority in ((0, 4), (1, 3), (2, 1), (3, 4), (4, 3), (5, 0), (6, 1)):
        pool.put(job, f"{priority} {number}", priority=priority)
    await done.wait()
    await pool.close()
    assert begun == ["0 5", "1 2", "1 6", "3 1", "3 4", "4 0", "4 3"]


@given(st.lists(st.one_of(st.tuples(st.sampled_from("pbl"), st.integers(0, 4)), st.just(("t", 0))), max_size=60))
def test_a_line_is_always_in_order(steps: list[tuple[str, int]]) -> None:
    line: PriorityQueue[tuple[int, int]] = PriorityQueue()
    model: list[tuple[int, int]] = []
    for number, (what, priority) in enumerate(steps):
        if what == "p":
            line.put((priority, number), priority)
            model.append((priority, number))
        elif what == "b":
            line.put_back((priority, number), priority)
            model.insert(0, (priority, number))
        elif what == "l" and model:
            gone = model.pop(priority % len(model))
            line.leave(gone, gone[0])
        elif what == "t" and model:
            assert line.take() == model.pop(0)
        model.sort(key=lambda entry: entry[0])
        assert list(line) == model
        assert line.ranks is None or sum(line.ranks) == len(model)
