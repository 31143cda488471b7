"""What is done to many particles leaves room for others beside it."""

from __future__ import annotations

import asyncio

from hyperverse_core import Machine
from hyperverse_core.errors import Unavailable

MANY = 2500


async def many(machine: Machine) -> None:
    script = "; ".join(f"create localhost:p:x{number}<Base>" for number in range(MANY))
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
