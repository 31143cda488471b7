"""The registry in PostgreSQL passes the kit that everybody's have to pass, against a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hyperverse_core.registry import Registry
from hyperverse_core.testing.registry_conformance import RegistryConformance
from postgres_server import Database


@pytest.mark.thorough  # half a minute: a tenth of a second for each test's tables, and a commit for each write
class TestPostgresRegistry(RegistryConformance):
    feed_keeps = 1000

    @pytest.fixture(autouse=True)
    def _where(self, database: Database) -> None:
        self.settings = {**database.settings, "feed": 1000}

    @pytest.fixture
    async def registry(self, _where: None) -> AsyncIterator[Registry]:
        from hyperverse_postgres.registry import PostgresRegistry

        async with PostgresRegistry(self.settings) as registry:
            yield registry

    async def open_again(self, registry: Registry) -> Registry:
        from hyperverse_postgres.registry import PostgresRegistry

        again = PostgresRegistry(self.settings)
        await again.open()
        return again
