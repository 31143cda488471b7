"""Our registries pass the kit that everybody's have to pass."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from hyperverse_core.registry import Registry, StarRecord
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.testing.registry_conformance import RegistryConformance
from hyperverse_core.values import Point
from hyperverse_sql.registry import SqlRegistry
from kits import without
from thoroughness import THOROUGH


@without(
    "test_everything_is_there_after_the_store_was_opened_again",
    "test_two_that_have_the_store_open_see_one_registry",
    "test_a_write_that_does_not_reach_the_store_is_sent_again_or_said_not_to_be_done",
    "test_a_write_whose_answer_is_lost_is_done_once",
)
class TestMemoryRegistry(RegistryConformance):
    durable = False
    feed_keeps = 1000

    @pytest.fixture
    async def registry(self) -> AsyncIterator[Registry]:
        registry = MemoryRegistry(feed=1000)
        await registry.open()
        yield registry
        await registry.close()


@without("test_a_write_whose_answer_is_lost_is_done_once")  # there is no connection that could lose it
class TestSqlRegistry(RegistryConformance):
    feed_keeps = 1000
    hosts_many = 100_000 if THOROUGH else 500
    cuts = ("request",)

    @pytest.fixture(autouse=True)
    def _where(self, tmp_path: Path) -> None:
        self.path = tmp_path / "registry.sqlite"

    @pytest.fixture
    async def registry(self, _where: None) -> AsyncIterator[Registry]:
        async with SqlRegistry({"path": self.path, "feed": 1000}) as registry:
            yield registry

    @asynccontextmanager
    async def cut(self, registry: Registry, moment: str, write: str) -> AsyncIterator[None]:
        self.path.rename(self.path.with_suffix(".moved"))  # as far as a file can be cut off from those who have it open
        try:
            yield
        finally:
            self.path.with_suffix(".moved").rename(self.path)

    async def host_many(self, registry: Registry, star: StarRecord, points: Sequence[Point]) -> None:
        # Rows like those that the registry writes, in a second and not in half a minute.
        rows = [(point.text, str(star.key), star.incarnation, number) for number, point in enumerate(points, 100)]
        with closing(sqlite3.connect(self.path)) as database, database:
            database.executemany(
                "INSERT INTO particles (point, route, depth, kind, owner, status, sequence, star, incarnation, epoch) "
                "VALUES (?, '', 2, 'Base', 'hyperspace:users:hyperuser', 'Ready', 0, ?, ?, ?)",
                rows,
            )

    async def open_again(self, registry: Registry) -> Registry:
        again = SqlRegistry({"path": self.path, "feed": 1000})
        await again.open()
        return again
