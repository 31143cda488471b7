"""The registry in PostgreSQL passes the kit that everybody's have to pass, against a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from hyperverse_core.registry import Registry, StarRecord
from hyperverse_core.testing.registry_conformance import RegistryConformance
from hyperverse_core.values import Point
from postgres_server import Database
from registry.cutting_proxy import CuttingProxy
from thoroughness import THOROUGH


@pytest.mark.thorough  # half a minute: a tenth of a second for each test's tables, and a commit for each write
class TestPostgresRegistry(RegistryConformance):
    feed_keeps = 1000
    hosts_many = 100_000 if THOROUGH else 500
    cuts = ("request", "answer")

    @pytest.fixture(autouse=True)
    def _where(self, database: Database, proxy: CuttingProxy) -> None:
        self.proxy = proxy
        self.settings = {**database.settings, "url": proxy.url, "feed": 1000}

    @pytest.fixture
    async def registry(self, _where: None) -> AsyncIterator[Registry]:
        from hyperverse_postgres.registry import PostgresRegistry

        async with PostgresRegistry(self.settings) as registry:
            yield registry

    @asynccontextmanager
    async def cut(self, registry: Registry, moment: str, write: str) -> AsyncIterator[None]:
        setattr(self.proxy, f"cut_{moment}", write.removeprefix("set_").removesuffix("_state").encode())
        yield
        assert not getattr(self.proxy, f"cut_{moment}"), "the connection must have been cut"

    async def host_many(self, registry: Registry, star: StarRecord, points: Sequence[Point]) -> None:
        # Rows like those that the registry writes, in two seconds and not in half a minute.
        rows = [(point.text, str(star.key), star.incarnation) for point in points]
        connection = await asyncpg.connect(self.settings["url"])
        try:
            await connection.executemany(
                f"insert into {self.settings['schema']}.particles "
                "(point, route, depth, kind, owner, status, star, incarnation, epoch) "
                "values ($1, '', 2, 'Base', 'hyperspace:users:hyperuser', 'Ready', $2, $3, "
                f"nextval('{self.settings['schema']}.epochs'))",
                rows,
            )
        finally:
            await connection.close()

    async def open_again(self, registry: Registry) -> Registry:
        from hyperverse_postgres.registry import PostgresRegistry

        again = PostgresRegistry(self.settings)
        await again.open()
        return again
