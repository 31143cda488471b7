"""A thread that holds one SQLite connection: one crossing there and one back for a whole unit of work.

SQLAlchemy's asynchronous engine crosses between event loop and thread for every statement. A crossing costs more than
most of our statements; and a transaction that returns to the event loop between its statements holds the write lock
while the loop is busy with something else, for every process that has the file open. So the thread is aiosqlite's, and
a whole unit of work runs in it.

A thread that wants Python's lock asks for it after 5 ms, and starts to wait anew whenever the lock is released and
taken again in between. An event loop that never rests does that in every turn. The thread might then wait for seconds,
and the leases of a busy machine would run out. So such a loop gives way: while a unit takes long and the loop has used
its processor all the time, the loop stops for a moment, until the unit is done. A loop that rests loses nothing.

This is the only file that uses private names of aiosqlite: it has no public way to run a function in its thread.
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
"""Seconds between two looks at whether the loop rests."""
_GIVE_WAY: Final = 0.003
"""Seconds that the loop stops for, at most, at each look."""
_RESTLESS: Final = 0.8 * _PATIENCE
"""Seconds of processor time between two looks from which on the loop does not rest."""

_T = TypeVar("_T")


class SqliteThread:
    """Runs functions in the thread of one connection, one after another.

    Args:
        connect: makes the connection; called in the thread.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._thread = aiosqlite.Connection(connect, iter_chunk_size=64)
        # A process that ends without closing the registry must not wait for this thread.
        self._thread._thread.daemon = True
        self._finished = threading.Event()
        self._timer: asyncio.TimerHandle
        self._used = 0.0  # processor time of the loop's thread at the last look

    async def start(self) -> sqlite3.Connection:
        """Starts the thread and returns its connection. Raises sqlite3.Error."""
        await self._thread
        return self._thread._conn

    async def stop(self) -> None:
        """Closes the connection and ends the thread, after what was asked earlier."""
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
        """Lets the thread have Python's lock for a while, if the loop has not rested since the last look."""
        restless = time.thread_time() - self._used > _RESTLESS
        if not restless or not self._finished.wait(_GIVE_WAY):
            self._used = time.thread_time()
            self._timer = loop.call_later(_PATIENCE, self._give_way, loop)
