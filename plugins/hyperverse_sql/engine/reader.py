"""Reads, over a connection that never blocks the writer."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import Unavailable
from hyperverse_core.registry import Trouble

from .database import Database, DatabaseConnection
from .pace import LONG, Pace

__all__ = ["Reader", "begin_snapshot"]

_T = TypeVar("_T")


def begin_snapshot(connection: sa.Connection) -> None:
    """Makes all statements of the current unit see one state of the database."""
    connection.exec_driver_sql("BEGIN")


@attrs.define(eq=False)
class Reader:
    """Runs reading units one after another, in a task of its own, so that cancelling one caller during a query does
    not interrupt the connection for the others.

    Attributes:
        name: what it reads; becomes part of the name of its task.
    """

    name: str
    _database: Database
    _connection: DatabaseConnection
    _waiting: deque[tuple[Callable[[], Callable[[sa.Connection], Any]], asyncio.Future[Any]]] = attrs.field(
        factory=deque
    )
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False
    _pace: Pace = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pace = Pace(f"reads of the registry ({self.name})")

    async def open(self) -> None:
        """Connects. Raises what SQLAlchemy raises."""
        await self._connection.open()
        self._task = asyncio.create_task(self._run(), name=f"registry reader: {self.name}")

    async def close(self) -> None:
        """Answers the reads that were submitted earlier, and disconnects. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,))  # unlike the task itself, this can be cancelled without ending it
            self._task.result()
        await self._connection.close()

    async def read(self, unit: Callable[[sa.Connection], _T]) -> _T:
        """Runs ``unit`` in another thread and returns its result. The unit sees everything committed before it starts;
        to see one state in several statements, it calls :func:`begin_snapshot` first.

        Raises:
            Unavailable: the registry is closed, or the database cannot be reached.
        """
        return await self.read_late(lambda: unit)

    async def read_late(self, make: Callable[[], Callable[[sa.Connection], _T]]) -> _T:
        """Like :meth:`read`, but makes the unit on the event loop just before it runs."""
        if self._closing:
            raise Unavailable("the registry is closed")
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append((make, future))
        self._wake.set()
        return await future

    def trouble(self) -> Trouble | None:
        """Returns a description of reads that take long; None when none do."""
        return self._pace.trouble(self._connection.waits_for, len(self._waiting))

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            self._wake.clear()
            while self._waiting:
                make, future = self._waiting.popleft()
                if not future.done():
                    await self._answer(make(), future)
            if not self._closing:
                await self._wake.wait()

    async def _answer(self, unit: Callable[[sa.Connection], Any], future: asyncio.Future[Any]) -> None:
        pace = self._pace
        begun = pace.begun = time.monotonic()
        try:
            result = await self._connection.run(unit)
        except Exception as error:
            if not future.done():
                future.set_exception(self._database.translated(error))
        else:
            if not future.done():
                future.set_result(result)
        finally:
            now, pace.begun = time.monotonic(), None
            if now - begun >= LONG:
                pace.note(begun, now)
