"""Scenarios that need processes: a star crashes, a machine terminates, a client watches."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from cluster.compositions import stars_of
from cluster.worlds import Processes
from hyperverse_core.client.api import ClientApi
from hyperverse_core.universe.waves.wave import Directed, Pong
from patience import PATIENCE, until

pytestmark = pytest.mark.thorough

_LEASE = 5.0  # seconds: short, because particles of a machine that crashes live elsewhere after that


@pytest.fixture
def processes(tmp_path: Path, registry_table: dict[str, dict[str, str]]) -> Iterator[Processes]:
    world = Processes(tmp_path, lease=_LEASE, engines=registry_table)
    yield world
    world.end()


async def fill(client: ClientApi, count: int = 16) -> list[str]:
    """Tallies with the value 1."""
    points = [f"localhost:t{number}" for number in range(count)]
    for text in ("create localhost<Space>", *(f"create {point}<Tally>" for point in points)):
        await client.exec(text)
    for point in points:
        assert (await client.ping(point, "Ext<Add>")).unwrap() == 1
    return points


async def machine_of(client: ClientApi, point: str) -> str:
    """Name of the machine that a particle lives on."""
    star = (await client.ping(point, "Cmd<Bounce>")).star
    return next(row["machine"] for row in await client.stars() if row["star"] == star)


async def statuses(client: ClientApi) -> dict[str, str]:
    """What a select says of each Tally."""
    return {row["point"]: row["status"] async for row in client.select("localhost:*<Tally>")}


async def test_particles_of_a_star_that_crashes_are_unknown_until_they_live_elsewhere(processes: Processes) -> None:
    """Star crash, status, recovery. Of one that cannot start: Panic, in test_scenarios.py."""
    processes.start("a", "b")
    async with processes.client("a") as client:
        points = await fill(client)
        on_b = {point for point in points if await machine_of(client, point) == "b"}
        assert set((await statuses(client)).values()) == {"Ready"}
        processes.running.pop("b").kill()
        seen: list[set[str]] = []
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = await statuses(client)
            assert {status for point, status in found.items() if point not in on_b} == {"Ready"}
            assert set(found.values()) <= {"Ready", "Unknown"}
            seen.append({point for point, status in found.items() if status == "Unknown"})
            if on_b in seen and not seen[-1]:
                break
            await asyncio.sleep(0.02)
        assert on_b in seen
        assert not seen[-1]
        for point in points:
            assert (await client.ping(point, "Ext<Add>", wait=PATIENCE)).unwrap() == 2
        assert set((await statuses(client)).values()) == {"Ready"}


async def test_a_process_that_is_told_to_terminate_hands_over_all_that_it_has(processes: Processes) -> None:
    """Orderly terminate: SIGTERM under load. What was answered is kept, and every wave ends."""
    processes.start("a", "b")
    async with processes.client("a") as client:
        points = await fill(client)
        replies: list[tuple[str, Pong]] = []
        over = asyncio.Event()

        async def load(point: str) -> None:
            while not over.is_set():
                replies.append((point, await client.ping(point, "Ext<Add>", wait=PATIENCE)))
                await asyncio.sleep(0.01)

        loads = [asyncio.ensure_future(load(point)) for point in points]
        await until(lambda: sum(reply.ok for _, reply in replies) > 100, "a hundred answers")
        process = processes.running.pop("b")
        assert await asyncio.to_thread(process.stop) == 0
        over.set()
        await asyncio.gather(*loads)
        added = Counter(point for point, reply in replies if reply.ok)
        unclear = Counter(point for point, reply in replies if str(reply.outcome) == "unknown")
        assert added.total() > 100
        assert {reply.status for _, reply in replies} <= {200, 503}  # no wave waits for an answer that never comes
        assert not {str(reply.outcome) for _, reply in replies} - {"ok", "rejected", "unknown"}
        assert max(unclear.values(), default=0) <= 1  # what was on its way just then
        for point in points:
            value = (await client.ping(point, "Ext<Value>")).unwrap()
            assert 1 + added[point] <= value <= 1 + added[point] + unclear[point]
        assert {row["machine"] for row in await client.stars()} == {"a"}


@asynccontextmanager
async def watching(client: Any, aspects: list[str]) -> AsyncIterator[asyncio.Queue[tuple[str, str]]]:
    """What a client hears of ``localhost:t0``."""
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def told(wave: Directed) -> None:
        if wave.method.text == "Ext<Changed>":
            heard.put_nowait((wave.body["aspect"], wave.body["point"]))

    client.on_wave(told)
    await client.ask("GLOBAL::machine", "Ext<Watch>", {"point": "localhost:t0", "aspects": aspects})
    yield heard


async def changes(heard: asyncio.Queue[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """The next changes, in the order of the alphabet."""
    return sorted([await asyncio.wait_for(heard.get(), PATIENCE) for _ in range(count)])


async def test_a_client_goes_on_hearing_when_what_it_watches_moves_and_its_old_machine_stops(
    processes: Processes,
) -> None:
    processes.start("a", "b")
    async with processes.client("a") as first, processes.client("b") as second:
        await fill(first, 1)
        old = await machine_of(first, "localhost:t0")
        watcher, other = (second, first) if old == "a" else (first, second)
        async with watching(watcher, ["Log", "State", "Property", "Child"]) as heard:
            (await other.ping("GLOBAL::machine", "Ext<Drain>", wait=PATIENCE)).unwrap()
            for number in range(2):
                (await watcher.ping("localhost:t0", "Ext<Say>", {"text": "hello"})).unwrap()
                (await watcher.ping("localhost:t0", "Ext<Add>")).unwrap()
                for text in (f"set localhost:t0{{ +note={number} }}", f"create localhost:t0:c{number}<Tally>"):
                    await watcher.exec(text)
                assert await changes(heard, 4) == [
                    ("Child", f"localhost:t0:c{number}"),
                    ("Log", "localhost:t0"),
                    ("Property", "localhost:t0"),
                    ("State", "localhost:t0"),
                ]
                if not number:
                    await asyncio.to_thread(processes.running.pop(old).stop)


async def test_a_client_whose_machine_dies_watches_again_from_the_next_one(processes: Processes) -> None:
    """What `hyperverse watch` does: it asks again when it has come in elsewhere."""
    processes.start("a", "b")
    async with processes.client() as client:
        await fill(client, 1)
        async with watching(client, ["Property"]) as heard:
            await client.exec("set localhost:t0{ +note=one }")
            assert await changes(heard, 1) == [("Property", "localhost:t0")]
            surface = client.surface
            processes.running.pop(client.machine).kill()
            end = time.monotonic() + PATIENCE
            while not (await client.ping("localhost:t0", "Cmd<Bounce>", wait=1.0)).ok:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
            assert client.surface != surface
            await client.ask("GLOBAL::machine", "Ext<Watch>", {"point": "localhost:t0", "aspects": ["Property"]})
            await client.exec("set localhost:t0{ +note=two }")
            assert await changes(heard, 1) == [("Property", "localhost:t0")]


async def test_stars_move_to_another_machine_by_editing_the_config(processes: Processes) -> None:
    processes.configure(stars_of("three-machines"))
    processes.start("a", "b", "c")
    async with processes.client("a") as client:
        points = await fill(client)
        homes = {row["star"]: row["machine"] for row in await client.stars()}
    processes.end()
    moved = [
        attrs.evolve(star, machine="a" if star.machine == "c" else star.machine) for star in stars_of("three-machines")
    ]
    processes.configure(moved)
    processes.start("a", "b")
    async with processes.client("a") as client:
        for point in points:
            assert (await client.ping(point, "Ext<Add>")).unwrap() == 2
        now = {row["star"]: row["machine"] for row in await client.stars()}
    of_c = {star for star, machine in homes.items() if machine == "c" and "machine:" not in star}
    assert len(of_c) == 2
    assert {now[star] for star in of_c} == {"a"}
    assert {star: now[star] for star in now if star not in of_c} == {
        star: machine for star, machine in homes.items() if machine != "c"
    }
