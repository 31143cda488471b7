"""A connection that runs a whole unit of work in its own thread: one crossing there and one back.

SQLAlchemy's asynchronous engine crosses for every statement. A crossing costs more than most of our statements, and a
transaction that comes back to the event loop between its statements holds the write lock, of every process that has
the file open, while the loop is busy with something else. So the thread is aiosqlite's, and what runs in it is
SQLAlchemy's ordinary connection.

A thread that wants Python's lock asks for it after 5 ms, and begins to wait anew whenever the lock is let go and taken
again in between. An event loop that never rests does that in every turn, so the thread might wait for seconds, and the
leases of a busy machine would run out. Hence such a loop gives way: where a unit takes long and the loop has used its
processor all the while, it stands still for a moment, until the unit is done. A loop that rests loses nothing.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

__all__ = ["BUSY_TIMEOUT", "Connection"]

BUSY_TIMEOUT: Final = 5.0
_CACHE_KIB: Final = 65_536
_LOG_BYTES: Final = 2**20
_LOOK: Final = 0.001
_PATIENCE: Final = 0.01
_GIVE_WAY: Final = 0.003
_RESTLESS: Final = 0.8 * _PATIENCE

_T = TypeVar("_T")


class Connection:
    """A connection to the file at ``path``.

    Args:
        writes: its transactions take the write lock at once (``BEGIN IMMEDIATE``), so that what they read stays
            true until they commit. Otherwise nothing begins a transaction but the unit itself.
        synchronous: ``NORMAL`` survives a crash of the process, ``FULL`` one of the machine.
    """

    def __init__(self, path: Path, *, writes: bool, synchronous: str = "NORMAL") -> None:
        self._path = path
        self._writes = writes
        self._synchronous = synchronous
        self._thread: aiosqlite.Connection | None = None
        self._connection: sa.Connection | None = None
        self._finished = threading.Event()
        self._timer: asyncio.TimerHandle
        self._used = 0.0  # processor time of the loop's thread, when it was looked at last

    async def open(self) -> None:
        """Connects. Raises what SQLAlchemy raises."""
        # isolation_level=None: the sqlite3 module begins no transactions of its own accord.
        thread = aiosqlite.Connection(
            lambda: sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_TIMEOUT, check_same_thread=False),
            iter_chunk_size=64,
        )
        # A process that ends without closing the registry shall not wait for this thread.
        thread._thread.daemon = True
        try:
            self._thread = await thread
        except sqlite3.Error as error:
            raise sa.exc.OperationalError("connect", None, error) from error
        try:
            self._connection = await self._in_thread(self._wrap, thread._conn)
        except BaseException:
            await self.close()
            raise

    def _wrap(self, raw: sqlite3.Connection) -> sa.Connection:
        engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        if self._writes:
            sa.event.listen(engine, "begin", _begin_immediate)
        try:
            for pragma in self._pragmas():
                raw.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise sa.exc.OperationalError("PRAGMA", None, error) from error
        return engine.connect()

    def _pragmas(self) -> list[str]:
        pragmas = [f"synchronous={self._synchronous}", "foreign_keys=ON", f"cache_size=-{_CACHE_KIB}"]
        # Checkpoints set the slowest hundredth of the writes: Upkeep makes them, beside the writer.
        pragmas.append("wal_autocheckpoint=0")
        if self._writes:
            # When it begins again at its start: what has been large once must not look full for ever.
            pragmas.append(f"journal_size_limit={_LOG_BYTES}")
            # The last one, because those before may have to wait for a process that opens or closes the file. From
            # here on who writes waits in its own way.
            pragmas.append("busy_timeout=0")
        else:
            pragmas.append("query_only=ON")
        return pragmas

    async def run(self, unit: Callable[..., _T], *arguments: Any) -> _T:
        """``unit(connection, *arguments)``, in the thread. What it has begun and not ended is rolled back."""
        return await self._in_thread(self._run, unit, arguments)

    def _run(self, unit: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
        connection = self._connection
        assert connection is not None
        try:
            return unit(connection, *arguments)
        finally:
            connection.rollback()

    async def close(self) -> None:
        """Lets go, behind what was asked before. May be called twice."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._in_thread(connection.close)
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await thread.close()

    async def _in_thread(self, function: Callable[..., _T], *arguments: Any) -> _T:
        if self._thread is None:
            raise ValueError("the connection is closed")
        self._finished.clear()
        self._used = time.thread_time()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_PATIENCE, self._give_way, loop)
        try:
            done: _T = await self._thread._execute(self._to_the_end, function, arguments)  # type: ignore[no-untyped-call]  # aiosqlite's own way
            return done
        finally:
            self._timer.cancel()

    def _to_the_end(self, function: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
        try:
            return function(*arguments)
        finally:
            self._finished.set()

    def _give_way(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets the thread have Python's lock for a while, if the loop has not rested since the last look."""
        restless = time.thread_time() - self._used > _RESTLESS
        if not restless or not self._finished.wait(_GIVE_WAY):
            self._used = time.thread_time()
            self._timer = loop.call_later(_PATIENCE, self._give_way, loop)


def _begin_immediate(connection: sa.Connection) -> None:
    """Takes the write lock. SQLite's own waiting looks less and less often, in the end ten times a second, and a
    process that writes without a pause would keep the others out for seconds; so we look every millisecond."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    until = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, error) from error
        time.sleep(random.uniform(0.5, 1.5) * _LOOK)
