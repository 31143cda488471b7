"""Many machines around one registry, in one event loop with virtual time: what a machine reads that has nothing to do,
and how soon those that have died are noticed, however many they are."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from cluster.simulated_processes import ProcessLoop
from cluster.simulation import Simulation
from cluster.worlds import InProcess, in_process
from hyperverse_core.config.schema import STANDALONE
from hyperverse_core.contracts.registry import StarRecord
from hyperverse_core.fabric.cluster.neighbours import FEW
from hyperverse_core.fabric.cluster.watchman import PATIENCE
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.universe.address.star_key import StarKey

_LEASE = 2.0


class CountedRegistry(MemoryRegistry):
    """Counts the stars that were read, and the renewals."""

    read = 0
    renewed = 0

    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        found = await super().stars(keys)
        self.read += len(found)
        return found

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        self.renewed += 1
        await super().renew(stars)


@pytest_asyncio.fixture
async def many(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(tmp_path) as world:
        world.registry = CountedRegistry()
        await world.registry.open()
        yield world


async def _read_by_an_idle_one(world: InProcess) -> float:
    """Stars that one machine reads in a second."""
    registry = world.registry
    assert isinstance(registry, CountedRegistry)
    await asyncio.sleep(5 * _LEASE)  # what its start has set off is over
    before = registry.read
    await asyncio.sleep(5 * _LEASE)
    return (registry.read - before) / (5 * _LEASE) / len(world.machines)


async def test_what_an_idle_machine_reads_does_not_grow_with_the_number_of_machines(many: InProcess) -> None:
    for number in range(FEW + 1):
        await many.start(f"m{number}")
    few = await _read_by_an_idle_one(many)
    for number in range(FEW + 1, 4 * FEW):
        await many.start(f"m{number}")
    assert 0 < await _read_by_an_idle_one(many) <= few * 1.01


async def test_a_renewal_is_one_write_of_a_machine(many: InProcess) -> None:
    registry = many.registry
    assert isinstance(registry, CountedRegistry)
    await many.start("one")
    await many.start("other")
    before = registry.renewed
    await asyncio.sleep(10 * _LEASE)
    assert registry.renewed - before <= 2 * 10 * 5 + 2


async def _until_gone(names: Sequence[str], dead: Sequence[str], frozen: bool, directory: Path) -> float:
    """Kills or stops machines, and returns after how many seconds the last of their stars was expired."""
    simulation = Simulation(1, directory, names)
    await simulation.open()
    await asyncio.sleep(2 * _LEASE)
    for name in dead:
        (simulation.freeze if frozen else simulation.kill)(simulation.nodes[name])
    begun = simulation.loop.time()
    left = set(names) - set(dead)
    while {star.machine for star in await simulation.database.stars()} - left:
        await asyncio.sleep(_LEASE / 40)
        assert simulation.loop.time() - begun < 100 * _LEASE, "they are never expired"
    took = simulation.loop.time() - begun
    for name in dead if frozen else ():
        simulation.thaw(simulation.nodes[name])  # the end of the event loop reaches all tasks
    simulation.bury()
    return took


def _noticed_within(machines: int, dead: int) -> float:
    """Seconds; docs/explanation/failure.md."""
    steps = 0 if dead < FEW else math.ceil(math.log(machines, FEW))
    return _LEASE * (PATIENCE + steps / 2) + 0.5 * _LEASE


@pytest.mark.parametrize("frozen", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("dead", [1, FEW, 8])
@pytest.mark.one_case_in(3)
def test_machines_that_die_at_once_are_noticed_also_when_those_that_watch_them_are_among_them(
    dead: int, frozen: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "hyperverse")
    names = [f"m{number}" for number in range(9)]
    with asyncio.Runner(loop_factory=ProcessLoop) as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)  # tasks of those that were killed
        took = runner.run(_until_gone(names, names[:dead], frozen, tmp_path))
    assert took <= _noticed_within(len(names), dead)


# Each of them has stars of its own, and one machine has those that are needed once: so not every pair of machines has
# lanes, which would be most of the cost.
_HUB = tuple(attrs.evolve(star, machine="" if star.kind == "Maelstrom" else "m0") for star in STANDALONE)
_CROWD = 64
"""256 take two minutes of processor time here: ``python tests/bench/bench_many_machines.py 8 64 256`` starts them."""


@pytest.mark.thorough
async def test_a_crowd_of_machines_that_start_at_once_all_start(many: InProcess) -> None:
    await many.start("m0", _HUB)
    await asyncio.gather(*(many.start(f"m{number}", _HUB) for number in range(1, _CROWD)))
    stars = await many.registry.stars()
    assert len({star.machine for star in stars}) == _CROWD
    assert len({star.key for star in stars if star.kind == "Maelstrom"}) == _CROWD
    client = await many.client(f"m{_CROWD - 1}")
    await client.exec("create localhost<Space>; create localhost:a<Base>")
