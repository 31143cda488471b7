"""The registry has another history than before: a machine takes its places anew, and nothing that it knew counts."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from hyperverse_core.errors import Unavailable
from hyperverse_core.registry import Changes, StarRecord
from hyperverse_core.testing.memory_registry import MemoryRegistry


class SetBack(MemoryRegistry):
    """Says once that it has another history.

    Attributes:
        history: another one, as soon as it is greater than what was told.
        away: how many announcements fail.
    """

    history = told = away = 0

    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await super().changes(since, timeout=min(timeout, 0.1))
        if self.told == self.history:
            return found
        self.told = self.history
        return attrs.evolve(found, entries=(), lost=True, set_back=True)

    async def announce(self, star: StarRecord) -> StarRecord:
        if self.away:
            self.away -= 1
            raise Unavailable("it is away")
        return await super().announce(star)


@pytest.mark.parametrize("away", [0, 2])
async def test_a_machine_announces_its_stars_anew_and_its_particles_begin_again(start_machine: Any, away: int) -> None:
    registry = SetBack()
    await registry.open()
    client = (await start_machine(registry=registry)).client()
    await client.exec("create localhost<Space>; create localhost:a<Base>")
    assert (await client.ping("localhost:a", "Cmd<Bounce>")).ok
    before = {star.key: star.incarnation for star in await registry.stars()}
    (held,) = [record.assignment for record in await _records(registry) if record.assignment is not None]
    registry.history, registry.away = 1, away
    await asyncio.sleep(60.0)
    now = {star.key: star.incarnation for star in await registry.stars()}
    assert now.keys() == before.keys()
    assert now == {key: incarnation + 1 for key, incarnation in before.items()}
    assert [record.assignment for record in await _records(registry) if record.assignment is not None] == []
    assert (await client.ping("localhost:a", "Cmd<Bounce>")).ok
    (again,) = [record.assignment for record in await _records(registry) if record.assignment is not None]
    assert again.epoch > held.epoch
    assert now[again.star] == again.incarnation


async def _records(registry: MemoryRegistry) -> list[Any]:
    from hyperverse_core.values import Selector

    return list((await registry.select(Selector.parse("localhost+:**"), limit=10)).records)
