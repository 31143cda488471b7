"""What is done to many particles leaves room for others beside it."""

from __future__ import annotations

import asyncio
import time

import pytest

from hyperverse_core import Machine, Point
from hyperverse_core.errors import Unavailable

MANY = 2500


async def many(machine: Machine, kind: str = "Base") -> None:
    script = "; ".join(f"create localhost:p:x{number}<{kind}>" for number in range(MANY))
    assert all(result.ok for result in await machine.client().exec(script, check=False))


async def test_a_delete_of_many_lets_other_writes_pass(machine: Machine, world, monkeypatch) -> None:
    await world("p<Base>", "w<Worker>")
    await many(machine)
    events: list[object] = []
    delete = type(machine.registry).delete

    async def noted(self, points, *, limit=None):
        deleted = await delete(self, points, limit=limit)
        events.append(len(deleted))
        return deleted

    monkeypatch.setattr(type(machine.registry), "delete", noted)
    client = machine.client()

    async def add() -> None:
        while sum(event for event in events if isinstance(event, int)) < MANY + 1:
            (await client.ping("localhost:w", "Ext<Add>")).unwrap()
            events.append("add")

    (result,), _ = await asyncio.gather(client.exec("delete localhost:p", check=False), add())
    points = [row["point"] for row in result.unwrap()["deleted"]]
    assert points[-1] == "localhost:p", "children go before their parent"
    assert len(set(points)) == len(points) == MANY + 1
    slices = [event for event in events if isinstance(event, int)]
    assert len(slices) > 2 and max(slices) <= 1000
    first, last = events.index(slices[0]), len(events) - 1 - events[::-1].index(slices[-1])
    assert "add" in events[first:last], "others are served between two slices"


async def test_a_delete_that_fails_half_way_says_how_far_it_came(machine: Machine, world, monkeypatch) -> None:
    await world("p<Base>")
    await many(machine)
    delete, asked = type(machine.registry).delete, []

    async def failing(self, points, *, limit=None):
        asked.append(limit)
        if len(asked) == 2:
            raise Unavailable("the disk is full")
        return await delete(self, points, limit=limit)

    monkeypatch.setattr(type(machine.registry), "delete", failing)
    (result,) = await machine.client().exec("delete localhost:p", check=False)
    assert result.status == 503
    assert result.error == "the disk is full; 1000 particles were deleted before"
    assert (await machine.client().exec("select localhost:p", check=False))[0].ok
    (result,) = await machine.client().exec("delete localhost:p", check=False)
    assert len(result.unwrap()["deleted"]) == MANY + 1 - 1000
    assert (await machine.client().ping("localhost:p", "Cmd<Bounce>")).status == 404


@pytest.mark.parametrize(
    ("command", "method"),
    [("set localhost:p:*{ +note=x }", "set_properties"), ("chown localhost:p:* to localhost", "chown")],
)
async def test_a_change_of_many_goes_in_slices_and_says_how_far_it_came(
    machine: Machine, world, monkeypatch, command: str, method: str
) -> None:
    await world("p<Base>", "w<Worker>")
    await many(machine, "Worker")
    work, sizes = getattr(type(machine.registry), method), []

    async def noted(self, points, *args):
        if len(sizes) == 2:
            raise Unavailable("the disk is full")
        sizes.append(len(points))
        await work(self, points, *args)

    with monkeypatch.context() as patch:
        patch.setattr(type(machine.registry), method, noted)
        (result,) = await machine.client().exec(command, check=False)
    assert sizes == [1000, 1000]
    assert result.status == 503
    assert f"the disk is full; 2000 of {MANY} particles " in result.error
    (result,) = await machine.client().exec(command, check=False)
    assert len(result.unwrap()["changed"]) == MANY


async def test_a_change_that_one_of_many_refuses_changes_none(machine: Machine, world) -> None:
    await world("p<Base>")
    await many(machine, "Worker")
    client = machine.client()
    for text in (f"localhost:p:x{MANY - 1}{{ +@note=kept }}", "localhost:p:x0{ +note=mine }"):
        (await client.exec(f"set {text}", check=False))[0].unwrap()
    (result,) = await client.exec("set localhost:p:*{ +note=other }", check=False)
    assert (result.status, "locked" in result.error) == (409, True)
    (result,) = await client.exec("get localhost:p:x0{ note }", check=False)
    assert result.unwrap() == {"note": "mine"}


async def test_a_change_for_which_there_is_no_time_says_how_far_it_came(machine: Machine, world, monkeypatch) -> None:
    await world("p<Base>")
    await many(machine, "Worker")
    work = type(machine.registry).set_properties

    async def slow(self, points, changes):
        await asyncio.sleep(9.0)
        await work(self, points, changes)

    monkeypatch.setattr(type(machine.registry), "set_properties", slow)
    (result,) = await machine.client().exec("set localhost:p:*{ +note=x }", check=False, wait=20.0)
    assert result.status == 408
    assert f"2000 of {MANY} particles were changed" in result.error


async def test_a_ripple_whose_handlers_wait_for_nothing_leaves_the_loop_to_others(machine: Machine, world) -> None:
    await world("p<Base>")
    await many(machine, "Worker")
    client = machine.client()
    points = [f"localhost:p:x{number}" for number in range(MANY)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    begun = time.perf_counter()
    echoes = await client.ripple([Point.parse(point) for point in points], "Ext<Add>")
    took = time.perf_counter() - begun
    beside.cancel()
    assert len(echoes) == MANY and all(echo.ok for echo in echoes)
    assert turns > took / 0.25, "others get their turns meanwhile"


async def test_a_command_that_ripples_tells_the_answers_that_have_come(machine: Machine, world) -> None:
    await world("p<Base>", "p:quick<Worker>", "p:slow<Worker>")
    client = machine.client()
    busy = asyncio.create_task(client.ping("localhost:p:slow", "Ext<Work>", {"seconds": 60.0}, wait=90.0))
    await asyncio.sleep(1.0)
    (result,) = await client.exec("ripple localhost:p:* Ext<Get>", check=False, wait=5.0)
    assert result.status == 207
    assert {row["point"]: row["status"] for row in result.body} == {"localhost:p:quick": 200, "localhost:p:slow": 408}
    assert (await busy).ok
