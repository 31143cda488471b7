"""What tests of registries share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from postgres_server import Database
from registry.cutting_proxy import CuttingProxy, proxied


@pytest.fixture
async def proxy(database: Database) -> AsyncIterator[CuttingProxy]:
    """A proxy in front of the database, which can cut connections or carry nothing."""
    async with proxied(database.url) as proxy:
        yield proxy
