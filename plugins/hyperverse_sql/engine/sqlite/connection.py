"""A SQLAlchemy connection to a SQLite file, in its own thread."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from .thread import SqliteThread

__all__ = ["BUSY_TIMEOUT", "SqliteConnection"]

BUSY_TIMEOUT: Final = 5.0
"""Maximum number of seconds that a statement waits for another process."""
_CACHE_KIB: Final = 65_536
_LOG_BYTES: Final = 2**20
_LOOK: Final = 0.001
"""Seconds between two attempts to take the write lock, on average."""

_T = TypeVar("_T")


class SqliteConnection:
    """A connection to the file at ``path``. Implements :class:`~hyperverse_sql.engine.database.DatabaseConnection`.

    Args:
        writes: whether its transactions take the write lock when they begin (``BEGIN IMMEDIATE``), so that what they
            read stays true until they commit. Otherwise it is read-only, and only a unit itself begins a transaction.
        synchronous: with ``NORMAL`` a commit survives a crash of the process, with ``FULL`` also a power failure.

    Attributes:
        waits_for: see :class:`~hyperverse_sql.engine.database.DatabaseConnection`.
    """

    def __init__(self, path: Path, *, writes: bool, synchronous: str = "NORMAL") -> None:
        self._path = path
        self._writes = writes
        self._synchronous = synchronous
        self._thread: SqliteThread | None = None
        self._connection: sa.Connection | None = None
        self.waits_for = ""

    async def open(self) -> None:
        """Connects. Raises what SQLAlchemy raises."""
        thread = SqliteThread(self._connect)
        try:
            raw = await thread.start()
        except sqlite3.Error as error:
            raise sa.exc.OperationalError("connect", None, error) from error
        self._thread = thread
        try:
            self._connection = await thread.run(self._wrap, raw)
        except BaseException:
            await self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        # isolation_level=None: the sqlite3 module does not begin transactions by itself.
        # mode=rw: if the file was moved away, SQLite would create an empty one and delete the log left in its place.
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT, check_same_thread=False)

    def _wrap(self, raw: sqlite3.Connection) -> sa.Connection:
        engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        if self._writes:
            sa.event.listen(engine, "begin", self._begin_immediate)
        try:
            for pragma in self._pragmas():
                raw.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise sa.exc.OperationalError("PRAGMA", None, error) from error
        return engine.connect()

    def _pragmas(self) -> list[str]:
        pragmas = [f"synchronous={self._synchronous}", "foreign_keys=ON", f"cache_size=-{_CACHE_KIB}"]
        # Automatic checkpoints would make one write in a hundred slow; Maintenance makes them beside the writer.
        pragmas.append("wal_autocheckpoint=0")
        if self._writes:
            # Truncate the log to this size when SQLite restarts it, so that it does not keep its largest size forever.
            pragmas.append(f"journal_size_limit={_LOG_BYTES}")
            # Deleted or replaced values may have been secret and must not remain in the free space of the file.
            pragmas.append("secure_delete=ON")
            # The busy timeout comes last, because the pragmas before it may have to wait for a process that opens or
            # closes the file. From here on a writer waits in its own way: see _begin_immediate.
            pragmas.append("busy_timeout=0")
        else:
            pragmas.append("query_only=ON")
        return pragmas

    async def run(self, unit: Callable[..., _T], *arguments: Any) -> _T:
        """Runs ``unit(connection, *arguments)`` in the thread and returns its result. Rolls back a transaction that
        the unit has begun but not ended."""
        if self._thread is None:
            raise ValueError("the connection is closed")
        return await self._thread.run(self._run, unit, arguments)

    def _run(self, unit: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
        connection = self._connection
        assert connection is not None
        try:
            return unit(connection, *arguments)
        finally:
            connection.rollback()

    async def close(self) -> None:
        """Disconnects after the units that were submitted earlier. May be called twice."""
        if self._thread is not None and self._connection is not None:
            connection, self._connection = self._connection, None
            await self._thread.run(connection.close)
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await thread.stop()

    def _begin_immediate(self, connection: sa.Connection) -> None:
        """Takes the write lock.

        SQLite's own busy handler polls less and less often, in the end ten times a second, so a process that writes
        without a pause could keep others out for seconds. This method polls every millisecond instead.
        """
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        until = time.monotonic() + BUSY_TIMEOUT
        try:
            while True:
                try:
                    raw.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                        raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, error) from error
                self.waits_for = f"another process that holds a transaction open in {str(self._path)!r}"
                time.sleep(random.uniform(0.5, 1.5) * _LOOK)
        finally:
            self.waits_for = ""
