"""Single calls to the database: a query, or a write outside a group."""

from __future__ import annotations

from typing import Any

import attrs

from .link import Connection
from .reader import PostgresReader
from .schema import named
from .work import WriteUnit, locks_of
from .writers import PostgresWriters

__all__ = ["Calls"]


@attrs.frozen(eq=False)
class Calls:
    """Queries and writes, each in one network round trip.

    Attributes:
        schema: schema of the registry.
    """

    _reader: PostgresReader
    _writer: PostgresWriters
    schema: str

    async def ask(self, how: str, query: str, *arguments: Any) -> Any:
        """Runs one query and returns its result. ``how`` names the connection's method to use."""
        text = named(query, self.schema)

        async def ask(connection: Connection) -> Any:
            return await getattr(connection, how)(text, *arguments)

        return await self._reader.read(ask)

    async def ask_large(self, query: str, *arguments: Any) -> Any:
        """Returns the row of a query for something large."""
        text = named(query, self.schema)

        async def ask(connection: Connection) -> Any:
            return await connection.fetchrow(text, *arguments)

        return await self._reader.read_large(ask)

    async def write_one(self, kind: str, job: Any, *touched: str, locks: tuple[int, ...] | None = None) -> Any:
        """Writes outside a group. ``touched`` are the points of its entries in the feed."""
        outcome, _ = await self._writer.write(
            WriteUnit(kind, job, changes=None, locks=locks_of(touched) if locks is None else locks)
        )
        return outcome
