"""Single calls of the database: a query, or a write that is not grouped with others."""

from __future__ import annotations

from typing import Any

import attrs

from .link import Connection
from .reader import PostgresReader
from .schema import named
from .work import locks_of
from .writers import PostgresWriters

__all__ = ["Calls"]


@attrs.frozen(eq=False)
class Calls:
    """Asks and writes, each in one network turn.

    Attributes:
        schema: where the registry is.
    """

    _reader: PostgresReader
    _writer: PostgresWriters
    schema: str

    async def ask(self, how: str, query: str, *arguments: Any) -> Any:
        """What one query returns. ``how``: the method of the connection."""
        text = named(query, self.schema)

        async def ask(connection: Connection) -> Any:
            return await getattr(connection, how)(text, *arguments)

        return await self._reader.read(ask)

    async def ask_large(self, query: str, *arguments: Any) -> Any:
        """The row that a query of something large returns."""
        text = named(query, self.schema)

        async def ask(connection: Connection) -> Any:
            return await connection.fetchrow(text, *arguments)

        return await self._reader.read_large(ask)

    async def write_one(self, kind: str, job: Any, *touched: str, locks: tuple[int, ...] | None = None) -> Any:
        """A write that is not grouped with others. ``touched``: the points of its entries in the feed."""
        outcome, _ = await self._writer.write(
            kind, job, changes=None, locks=locks_of(touched) if locks is None else locks
        )
        return outcome
