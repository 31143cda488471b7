"""A thread that holds one SQLite connection: a whole unit of work costs one switch to the thread and one back.

SQLAlchemy's asynchronous engine switches between event loop and thread for every statement. A switch costs more than
most of our statements. Also, a transaction that returns to the event loop between its statements holds the write lock,
against every process that has the file open, while the loop is busy with something else. So the thread is
aiosqlite's, and a whole unit of work runs in it.

A thread that waits for the GIL requests it after 5 ms, and that timer restarts whenever another thread releases and
takes the GIL in between. An event loop that never idles does that in every iteration. The thread might then wait for
seconds, and the leases of a busy machine would expire. So a loop that never idles yields: while a unit takes long and
the loop has used its processor all the time, the loop blocks briefly, until the unit is done. A loop that idles loses
nothing.

This is the only file that uses private names of aiosqlite, which has no public way to run a function in its thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import aiosqlite

__all__ = ["SqliteThread"]

_PATIENCE: Final = 0.01
"""Seconds between two checks of whether the loop idles."""
_GIVE_WAY: Final = 0.003
"""Maximum number of seconds that the loop blocks at each check."""
_RESTLESS: Final = 0.8 * _PATIENCE
"""A loop that uses this many seconds of processor time between two checks does not idle."""

_T = TypeVar("_T")


class SqliteThread:
    """Runs functions in the thread of one connection, one after another.

    Args:
        connect: makes the connection; called in the thread.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._thread = aiosqlite.Connection(connect, iter_chunk_size=64)
        # A process that exits without closing the registry must not wait for this thread.
        self._thread._thread.daemon = True
        self._finished = threading.Event()
        self._timer: asyncio.TimerHandle
        self._used = 0.0  # processor time of the loop's thread at the last check

    async def start(self) -> sqlite3.Connection:
        """Starts the thread and returns its connection. Raises sqlite3.Error."""
        await self._thread
        return self._thread._conn

    async def stop(self) -> None:
        """Closes the connection and ends the thread, after the functions that were submitted earlier."""
        await self._thread.close()

    async def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Runs ``function(*arguments)`` in the thread and returns its result."""
        self._finished.clear()
        self._used = time.thread_time()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_PATIENCE, self._give_way, loop)
        try:
            done: _T = await self._thread._execute(self._to_the_end, function, arguments)  # type: ignore[no-untyped-call]  # aiosqlite does not annotate it
            return done
        finally:
            self._timer.cancel()

    def _to_the_end(self, function: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
        try:
            return function(*arguments)
        finally:
            self._finished.set()

    def _give_way(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets the thread have the GIL for a while, if the loop has not idled since the last check."""
        restless = time.thread_time() - self._used > _RESTLESS
        if not restless or not self._finished.wait(_GIVE_WAY):
            self._used = time.thread_time()
            self._timer = loop.call_later(_PATIENCE, self._give_way, loop)
