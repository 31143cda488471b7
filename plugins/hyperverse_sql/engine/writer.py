"""Group commit: writes that arrive together are committed together.

Units that arrive while a transaction runs wait for the next one, which takes them all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError, Unavailable
from hyperverse_core.registry import Trouble

from .database import Database, DatabaseConnection
from .pace import LONG, Pace
from .transaction import Transaction
from .work import Group, Unit, Work, plan

__all__ = ["Writer"]

_log = logging.getLogger(__name__)

# Bounds how long the first of many units waits for the last of them.
_MOST_IN_ONE: Final = 1024


@attrs.define(eq=False)
class Writer:
    """Writes, over the only connection that may.

    Attributes:
        committing: called before each commit, in the thread that commits.
        committed: called after each commit, on the event loop.
        failing: the error of the last write, if every other write would meet it too; empty when the last write
            succeeded.
        failing_since: when that error first occurred, in seconds of the event loop's clock.
    """

    committing: Callable[[Transaction], None]
    committed: Callable[[Transaction], None]
    _database: Database
    _connection: DatabaseConnection
    _waiting: deque[Unit] = attrs.field(factory=deque)
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False
    _pace: Pace = attrs.field(factory=lambda: Pace("writes to the registry"), init=False)
    failing: str = attrs.field(default="", init=False)
    failing_since: float = attrs.field(default=0.0, init=False)

    def start(self) -> None:
        """Starts writing. The connection must be open."""
        self._task = asyncio.create_task(self._run(), name="registry writer")

    async def close(self) -> None:
        """Writes what is queued, and disconnects. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,))  # unlike the task itself, this can be cancelled without ending it
            self._task.result()
        await self._connection.close()

    async def write(
        self, work: Work, argument: Any, touches: tuple[str, ...] | None = None, *, urgent: bool = False
    ) -> Any:
        """Returns the result of ``work`` for ``argument`` when it is committed, or raises its error.

        Args:
            touches: the points that this write depends on or changes; None when it may be any.
            urgent: whether it goes before the queued writes, which may be thousands.

        Raises:
            Unavailable: the registry is closed, or the database cannot be reached or is full.
        """
        if self._closing:
            raise Unavailable("the registry is closed")
        future = asyncio.get_running_loop().create_future()
        unit = Unit(work, argument, touches, future)
        if urgent:
            self._waiting.appendleft(unit)
        else:
            self._waiting.append(unit)
        self._wake.set()
        return await future

    def trouble(self) -> Trouble | None:
        """Returns a description of writes that take long; None when none do."""
        return self._pace.trouble(self._connection.waits_for, len(self._waiting))

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            self._wake.clear()
            units = self._take()
            if units:
                await self._commit(units)
            if not self._waiting and not self._closing:
                await self._wake.wait()

    def _take(self) -> list[Unit]:
        # If the caller was cancelled before its write began, the write is dropped.
        waiting, taken = self._waiting, []
        for _ in range(min(len(waiting), _MOST_IN_ONE)):
            unit = waiting.popleft()
            if not unit.future.done():
                taken.append(unit)
        return taken

    async def _commit(self, units: list[Unit]) -> None:
        groups = plan(units)
        pace = self._pace
        begun = pace.begun = time.monotonic()
        failed: Exception | None = None
        try:
            tx, results = await self._connection.run(_transact, groups, self.committing, self._database)
        except Exception as error:
            failed = error
        finally:
            now, pace.begun = time.monotonic(), None
            if now - begun >= LONG:
                pace.note(begun, now)
        if failed is not None:
            await self._failed(units, failed)
            return
        self.failing = ""
        self.committed(tx)
        for group, found in zip(groups, results, strict=True):
            for unit, result in zip(group.units, found, strict=True):
                _answer(unit, result)

    async def _failed(self, units: list[Unit], error: Exception) -> None:
        if len(units) > 1 and not self._database.hits_all(error) and not isinstance(error, Unavailable):
            # One unit caused the error, but the whole transaction was rolled back: try each unit on its own.
            for unit in units:
                await self._commit([unit])
            return
        if not isinstance(error, sa.exc.DBAPIError | HyperverseError | UnicodeError | OverflowError):
            _log.error("a write to the registry failed", exc_info=error)
        translated = self._database.translated(error)
        if isinstance(translated, Unavailable) and translated is not error:
            if not self.failing:
                self.failing_since = asyncio.get_running_loop().time()
            self.failing = translated.message
        for unit in units:
            _answer(unit, self._database.translated(error))


def _transact(
    connection: sa.Connection, groups: list[Group], committing: Callable[[Transaction], None], database: Database
) -> tuple[Transaction, list[Sequence[Any]]]:
    with connection.begin():
        tx = Transaction.on(connection)
        results = [group.work(tx, [unit.argument for unit in group.units]) for group in groups]
        tx.flush()
        database.check_place()
        committing(tx)
    return tx, results


def _answer(unit: Unit, result: Any) -> None:
    if unit.future.done():
        return
    if isinstance(result, HyperverseError):
        unit.future.set_exception(result)
    else:
        unit.future.set_result(result)
