"""The writer: writes that arrive together are committed together.

A write is a :class:`Unit`: what to do (a :data:`Work`), with which argument, and which points it touches. Units
that arrive while a transaction runs wait for the next one, which takes them all. Units of the same Work that do not
stand in one another's way are handed to it as one list, so that a hundred registrations are a handful of
statements. A Work looks at everything before it writes: the unit that cannot be done gets its error, and the others
are not harmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError, Unavailable

from . import sqlite
from .connection import Connection
from .transaction import Transaction

__all__ = ["Group", "Unit", "Work", "Writer", "one_by_one", "plan"]

_log = logging.getLogger(__name__)

# Bounds how long the first of many waits for the last of them.
_MOST_IN_ONE: Final = 1024

Work = Callable[[Transaction, Sequence[Any]], Sequence[Any]]
"""Does all of its arguments, and gives the result of each, or the error that it met."""


@attrs.define(eq=False)
class Unit:
    """One write.

    Attributes:
        work: what to do.
        argument: with what.
        touches: the points that it depends on or changes; None when it may be anything.
        future: where its result goes.
    """

    work: Work
    argument: Any
    touches: tuple[str, ...] | None
    future: asyncio.Future[Any]


@attrs.define
class Group:
    """Units of one Work, in the order in which they arrived."""

    work: Work
    units: list[Unit]


def plan(units: Iterable[Unit]) -> list[Group]:
    """Gathers units of the same Work, and keeps the order of any two that touch the same point."""
    groups: list[Group] = []
    newest: dict[Work, int] = {}
    touched: dict[str, int] = {}
    barrier = 0
    for unit in units:
        if unit.touches is None:
            groups.append(Group(unit.work, [unit]))
            barrier = len(groups)
            newest.clear()
            touched.clear()
            continue
        earliest = max((touched.get(point, barrier) for point in unit.touches), default=barrier)
        at = newest.get(unit.work, -1)
        if at < earliest:
            at = newest[unit.work] = len(groups)
            groups.append(Group(unit.work, []))
        groups[at].units.append(unit)
        for point in unit.touches:
            touched[point] = at
    return groups


def one_by_one(do: Callable[[Transaction, Any], Any]) -> Work:
    """A Work that does its arguments one after another. ``do`` raises before it writes, or not at all."""

    def work(tx: Transaction, arguments: Sequence[Any]) -> list[Any]:
        results: list[Any] = []
        for argument in arguments:
            try:
                results.append(do(tx, argument))
            except HyperverseError as error:
                results.append(error)
        return results

    return work


@attrs.define(eq=False)
class Writer:
    """What writes, over the one connection that does.

    Attributes:
        path: of the file, for what is said of errors.
        committing: called before each commit, in the thread that makes it.
        committed: called after each commit, on the event loop.
    """

    path: Path
    committing: Callable[[Transaction], None]
    committed: Callable[[Transaction], None]
    _connection: Connection
    _waiting: deque[Unit] = attrs.field(factory=deque)
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False

    def start(self) -> None:
        """Begins to write; the connection is open."""
        self._task = asyncio.create_task(self._run(), name="registry writer")

    async def close(self) -> None:
        """Writes what waits, and lets go. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._connection.close()

    async def write(self, work: Work, argument: Any, touches: tuple[str, ...] | None = None) -> Any:
        """The result of ``work`` for ``argument``, when it is committed; raises its error."""
        if self._closing:
            raise Unavailable("the registry is closed")
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(Unit(work, argument, touches, future))
        self._wake.set()
        return await future

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            self._wake.clear()
            units = self._take()
            if units:
                await self._commit(units)
            if not self._waiting and not self._closing:
                await self._wake.wait()

    def _take(self) -> list[Unit]:
        # A caller that has gone away before its write began wants nothing written.
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_IN_ONE))]
        return [unit for unit in taken if not unit.future.done()]

    async def _commit(self, units: list[Unit]) -> None:
        groups = plan(units)
        try:
            tx, results = await self._connection.run(_transact, groups, self.committing)
        except Exception as error:
            await self._failed(units, error)
            return
        self.committed(tx)
        for group, found in zip(groups, results, strict=True):
            for unit, result in zip(group.units, found, strict=True):
                _answer(unit, result)

    async def _failed(self, units: list[Unit], error: Exception) -> None:
        if len(units) > 1 and not sqlite.hits_all(error):
            # One of them is to blame, and the transaction of all is rolled back: each on its own.
            for unit in units:
                await self._commit([unit])
            return
        if not isinstance(error, sa.exc.DBAPIError | HyperverseError | UnicodeError | OverflowError):
            _log.error("a write to the registry failed", exc_info=error)
        for unit in units:
            _answer(unit, sqlite.translated(error, self.path))


def _transact(
    connection: sa.Connection, groups: list[Group], committing: Callable[[Transaction], None]
) -> tuple[Transaction, list[Sequence[Any]]]:
    with connection.begin():
        tx = Transaction.on(connection)
        results = [group.work(tx, [unit.argument for unit in group.units]) for group in groups]
        tx.flush()
        committing(tx)
    return tx, results


def _answer(unit: Unit, result: Any) -> None:
    if unit.future.done():
        return
    if isinstance(result, HyperverseError):
        unit.future.set_exception(result)
    else:
        unit.future.set_result(result)
