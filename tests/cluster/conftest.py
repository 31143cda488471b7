"""Worlds for the tests of many machines."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.compositions import COMPOSITIONS, stars_of
from cluster.worlds import InProcess, Processes, World, in_process
from hyperverse_core.client.api import ClientApi
from hyperverse_core.testing import VirtualClockLoop
from patience import PATIENCE

_numbers = itertools.count(1)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Virtual time for everything but tests with processes or sockets."""
    if "processes" in item.path.name or "sockets" in item.path.name:
        return {"real time": asyncio.new_event_loop}
    return {"virtual time": VirtualClockLoop}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``world`` runs in every composition."""
    if "world" in metafunc.fixturenames:
        kind = "processes" if "processes" in metafunc.definition.path.name else "virtual"
        worlds = [(kind, composition) for composition in COMPOSITIONS]
        metafunc.parametrize("world", worlds, ids=list(COMPOSITIONS), indirect=True)


@pytest.fixture(scope="session")
def process_worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Processes]]:
    """Machines as processes, for each composition started once."""
    known: dict[str, Processes] = {}

    def get(composition: str) -> Processes:
        if composition not in known:
            world = known[composition] = Processes(tmp_path_factory.mktemp("w"), stars=stars_of(composition))
            world.start(*dict.fromkeys(COMPOSITIONS[composition].values()))
        return known[composition]

    yield get
    for world in known.values():
        world.end()


class _Visit:
    """A test's use of machines that run as processes."""

    def __init__(self, processes: Processes, stack: AsyncExitStack, space: str) -> None:
        self._processes = processes
        self._stack = stack
        self.space = space

    @property
    def machines(self) -> list[str]:
        return self._processes.machines

    async def client(self, machine: str = "") -> ClientApi:
        found: ClientApi = await self._stack.enter_async_context(self._processes.client(machine or self.machines[0]))
        return found


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The machines of one composition, ready, with a Space of the test's own."""
    kind, composition = request.param
    async with AsyncExitStack() as stack:
        found: World
        if kind == "processes":
            processes = request.getfixturevalue("process_worlds")(composition)
            found = _Visit(processes, stack, f"test{next(_numbers)}")
        else:
            found = inside = await stack.enter_async_context(in_process(tmp_path))
            for name in dict.fromkeys(COMPOSITIONS[composition].values()):
                await inside.start(name, stars_of(composition))
            await asyncio.sleep(1.0)  # a star that joins takes part within a second
        client = await found.client()
        await _until_all_are_reached(found, len(stars_of(composition)) + len(found.machines))
        await client.exec(f"create {found.space}<Space>")
        yield found


async def _until_all_are_reached(world: World, stars: int) -> None:
    """Machines that start at once are ready before each has a lane to every other."""
    clients = [await world.client(name) for name in world.machines]
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = [await client.stars() for client in clients]
            if all(len(rows) == stars and all(row["hops"] is not None for row in rows) for rows in seen):
                return
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def inside(tmp_path: Path) -> AsyncIterator[InProcess]:
    """No machine yet: the test starts them, in this process and with virtual time."""
    async with in_process(tmp_path) as world:
        yield world
