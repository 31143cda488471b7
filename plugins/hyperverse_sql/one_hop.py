"""An aiosqlite connection that crosses to its thread once for each statement.

aiosqlite's own cursor crosses four times for a query (make a cursor, execute, fetch, close), and a crossing costs
more than most of our statements. Everything else is aiosqlite's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import aiosqlite

__all__ = ["OneHopConnection", "OneHopCursor"]


class OneHopCursor:
    """What SQLAlchemy asks of an asynchronous cursor; a statement's rows are fetched where it runs."""

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> OneHopCursor:
        return self

    async def execute(self, sql: str, parameters: Any = ()) -> OneHopCursor:
        """Runs one statement and fetches all its rows."""
        await self._connection.run(self._execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> OneHopCursor:
        """Runs one statement for each of ``parameters``."""
        await self._connection.run(self._executemany, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """The rows, which are here already."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """The rows are forgotten; SQLite's cursor was closed when it was read."""
        self._rows = []

    def _execute(self, connection: sqlite3.Connection, sql: str, parameters: Any) -> None:
        cursor = connection.execute(sql, parameters)
        if cursor.description is not None:
            self._rows = cursor.fetchall()
        self._note(cursor)

    def _executemany(self, connection: sqlite3.Connection, sql: str, parameters: Iterable[Any]) -> None:
        self._note(connection.executemany(sql, parameters))

    def _note(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        cursor.close()


class OneHopConnection(aiosqlite.Connection):
    """See the module."""

    async def run(self, function: Any, *arguments: Any) -> Any:
        """``function(connection, *arguments)`` in the connection's thread."""
        return await self._execute(function, self._conn, *arguments)  # type: ignore[no-untyped-call]  # aiosqlite's own way

    def cursor(self) -> Any:
        """A cursor, without going to the thread for it."""
        return OneHopCursor(self)

    async def rollback(self) -> None:
        """Nothing when no transaction is open: SQLAlchemy asks for one after each read."""
        if self._conn.in_transaction:
            await super().rollback()
