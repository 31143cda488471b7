"""Worlds for the tests of many machines."""

from __future__ import annotations

import asyncio
import itertools
import os
import uuid
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
from postgres_server import Database
from thoroughness import THOROUGH

_numbers = itertools.count(1)
_REGISTRY = os.environ.get("HYPERVERSE_TEST_REGISTRY", "")
"""The only registry that the machines of tests with processes use, besides those of ``world``: ``sqlite`` or
``postgres``. Without it that is SQLite, and a thorough run takes the tests marked ``both_registries``
with PostgreSQL as well."""


def pytest_configure(config: pytest.Config) -> None:
    """Declares the mark."""
    config.addinivalue_line("markers", "both_registries: a thorough run tries it with the registry in PostgreSQL too")


def _registries(metafunc: pytest.Metafunc) -> list[str]:
    if _REGISTRY:
        return [_REGISTRY]
    both = THOROUGH and any(metafunc.definition.iter_markers("both_registries"))
    return ["sqlite", "postgres"] if both else ["sqlite"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Virtual time for everything but tests with processes or sockets."""
    if "processes" in item.path.name or "sockets" in item.path.name:
        return {"real time": asyncio.new_event_loop}
    return {"virtual time": VirtualClockLoop}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``world`` runs in every composition; with processes, in one on every pair of engines too.
    One that asks for ``registry_table`` runs with every registry."""
    if "world" in metafunc.fixturenames:
        kind = "processes" if "processes" in metafunc.definition.path.name else "virtual"
        worlds = {composition: (kind, composition, "") for composition in COMPOSITIONS}
        if kind == "processes" and THOROUGH:
            worlds |= {f"three-machines on {engines}": (kind, "three-machines", engines) for engines in ENGINES}
        metafunc.parametrize("world", list(worlds.values()), ids=list(worlds), indirect=True)
    if "registry_table" in metafunc.fixturenames:
        metafunc.parametrize("registry_table", _registries(metafunc), indirect=True)


ENGINES = tuple(filter(None, os.environ.get("HYPERVERSE_TEST_ENGINES", "zmq and sqlite,nats and postgres").split(",")))
"""What lanes and the registry are on, besides the default: `stream` and SQLite. The variable names others, such as
"nats and sqlite,zmq and postgres"."""


def _tables(engines: str, request: pytest.FixtureRequest) -> dict[str, dict[str, str]]:
    """The tables of a config that choose them: all that a user writes."""
    lanes, _, registry = engines.partition(" and ")
    tables: dict[str, dict[str, str]] = {"lanes": {"driver": lanes}} if lanes in ("zmq", "stream") else {}
    name = f"test_{uuid.uuid4().hex[:12]}"
    if lanes == "nats":
        tables["lanes"] = {"servers": request.getfixturevalue("nats_url"), "prefix": name}
    if registry == "postgres":
        tables["registry"] = {"url": request.getfixturevalue("postgres_url"), "schema": name}
    return tables


@pytest.fixture
def registry_table(request: pytest.FixtureRequest) -> dict[str, dict[str, str]]:
    """The table of the config that says where machines which run as processes have their registry."""
    if request.param == "sqlite":
        return {}
    database: Database = request.getfixturevalue("database")
    return {"registry": database.settings}


@pytest.fixture(scope="module")
def process_worlds(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str, str], Processes]]:
    """Machines as processes, for each composition and each pair of engines started once. They end with the last test of
    the module: they take processor time as long as they run."""
    known: dict[tuple[str, str], Processes] = {}

    def get(composition: str, engines: str) -> Processes:
        if (composition, engines) not in known:
            world = known[composition, engines] = Processes(
                tmp_path_factory.mktemp("w"), stars=stars_of(composition), engines=_tables(engines, request)
            )
            world.start(*dict.fromkeys(COMPOSITIONS[composition].values()))
        return known[composition, engines]

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
    kind, composition, engines = request.param
    async with AsyncExitStack() as stack:
        found: World
        if kind == "processes":
            processes = request.getfixturevalue("process_worlds")(composition, engines)
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
