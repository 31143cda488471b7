"""What is done to many particles leaves room for others beside it."""

from __future__ import annotations

import asyncio
import time

import pytest

from hyperverse_core import Machine, Point
from hyperverse_core.errors import Unavailable

pytestmark = pytest.mark.thorough

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
    assert (result.status, str(result.receipt.outcome)) == (503, "failed")
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
    assert (result.status, str(result.receipt.outcome)) == (503, "failed")
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


@pytest.mark.parametrize(
    ("command", "method", "said"),
    [
        ("set localhost:p:*{ +note=x }", "set_properties", f"2000 of {MANY} particles were changed"),
        ("chown localhost:p:* to localhost", "chown", f"2000 of {MANY} particles got the new owner"),
        ("delete localhost:p:*", "delete", "2000 particles were deleted"),
    ],
)
async def test_a_change_for_which_there_is_no_time_says_how_far_it_came(
    machine: Machine, world, monkeypatch, command: str, method: str, said: str
) -> None:
    await world("p<Base>")
    await many(machine, "Worker")
    work, asked = getattr(type(machine.registry), method), []

    async def slow(self, points, *args, **options):
        asked.append(points)
        if method != "delete" or (len(points) == 1000 and points not in asked[:-1]):
            await asyncio.sleep(4.5)
        return await work(self, points, *args, **options)

    monkeypatch.setattr(type(machine.registry), method, slow)
    (result,) = await machine.client().exec(command, check=False, wait=10.0)
    assert (result.status, str(result.receipt.outcome)) == (408, "failed")
    assert said in result.error


async def test_a_ripple_whose_recipients_are_not_found_in_time_says_that_it_was_sent_to_none(
    machine: Machine, world, monkeypatch
) -> None:
    await world("p<Base>", "p:quick<Worker>")
    select = type(machine.registry).select

    async def slow(self, selector, **options):
        await asyncio.sleep(30.0)
        return await select(self, selector, **options)

    monkeypatch.setattr(type(machine.registry), "select", slow)
    (result,) = await machine.client().exec("ripple localhost:p:* Ext<Get>", check=False, wait=5.0)
    assert (result.status, result.outcome) == (408, "rejected")
    assert "sent to none" in result.error


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


@pytest.mark.parametrize(("seconds", "complete"), [(0.02, True), (0.3, False)])
async def test_a_dry_run_about_many_answers_before_the_policy_is_out_of_time(
    machine: Machine, world, monkeypatch, seconds: float, complete: bool
) -> None:
    await world("p<Base>", "w<Worker>")
    script = (
        "; ".join(f"create localhost:p:x{number}<Worker>" for number in range(900))
        + "; chown localhost:w to localhost:p"
    )
    client = machine.client()
    assert all(result.ok for result in await client.exec(script, check=False))
    asked = 0

    def slow(method: str) -> None:
        work = getattr(type(machine.registry), method)

        async def wait(self, *args, **options):
            nonlocal asked
            asked += 1
            await asyncio.sleep(seconds)
            return await work(self, *args, **options)

        monkeypatch.setattr(type(machine.registry), method, wait)

    for method in ("records", "select", "grants"):
        slow(method)
    (result,) = await client.exec("grant perm +csd-Rwx on localhost:p:* to localhost:w dry-run", check=False)
    found = result.unwrap()
    assert found["complete"] is complete
    assert (len(found["would_change"]) == 900) is complete, len(found["would_change"])
    assert asked < 100
