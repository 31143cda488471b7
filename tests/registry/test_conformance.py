"""Our registries pass the kit that everybody's have to pass."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hyperverse_core.registry import Registry
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.testing.registry_conformance import RegistryConformance
from hyperverse_sql.registry import SqlRegistry
from kits import without


@without(
    "test_everything_is_there_after_the_store_was_opened_again", "test_two_that_have_the_store_open_see_one_registry"
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


class TestSqlRegistry(RegistryConformance):
    feed_keeps = 1000

    @pytest.fixture(autouse=True)
    def _where(self, tmp_path: Path) -> None:
        self.path = tmp_path / "registry.sqlite"

    @pytest.fixture
    async def registry(self, _where: None) -> AsyncIterator[Registry]:
        async with SqlRegistry({"path": self.path, "feed": 1000}) as registry:
            yield registry

    async def open_again(self, registry: Registry) -> Registry:
        again = SqlRegistry({"path": self.path, "feed": 1000})
        await again.open()
        return again
