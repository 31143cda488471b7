"""Group commit: writes that arrive together are one call to the database, and one transaction there.

A group has a number, which the transaction stores with its outcome. When the connection breaks before the answer
arrives, the group is sent again with its number over the next connection: if it was committed, it is not done twice,
and its outcome is found.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import attrs
import msgspec

from hyperverse_core.errors import OutcomeUnknown, Unavailable

from .answers import LARGE, AnswerTimes
from .faults import breaks, hits_all, is_of_a_value, may_go_on, own_copy, said_by, translated, unsent
from .link import Connection, Link
from .schema import named
from .settings import PostgresSettings
from .turns import take_turns
from .work import LeftOut, WriteQueue, WriteUnit, entries_of, sent

__all__ = ["PostgresWriter"]

_log = logging.getLogger(__name__)
_SETTLE: Final = 5.0
"""Seconds in which to find the outcome of a group whose connection broke."""
_LOOK: Final = 0.1
_OWN: Final = 20e-6
"""Seconds that this process and the server together need for each write, without what each group needs once."""
_TRIES: Final = 5
_BREAKS: Final = 20
"""How many connections in a row may break under one group."""
_WRITE: Final = "select xid, outcome, states, logged, sizes from hv.write($1, $2, $3, $4, $5, $6, $7)"
_OUTCOME: Final = "select outcome from hv.writers where id = $1 and number = $2"
_MOST: Final = 32 * 1024
"""Bytes of an answer: what systems take for a process that reads nothing. The server sends it before it commits, so a
machine that is stopped then would keep the locks of the others. The rest is read afterwards."""
_ENTER: Final = "insert into hv.writers (id, number) values ($1, 0) on conflict do nothing"


class _Broken(Exception):
    """The connection broke, and it is not known yet whether the group was written."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@attrs.define(eq=False)
class PostgresWriter:
    """Writes over one connection.

    Attributes:
        link: that connection, unless it is borrowed for each write.
        newest: the greatest transaction id that this writer has received; 0 for none.
        refusal: why the database accepts no writes, and since when, in seconds since the epoch; None when it accepts
            them.
    """

    _settings: PostgresSettings
    _committed: Callable[[int], None]
    _answers: AnswerTimes
    _borrow: Callable[[], AbstractAsyncContextManager[Link]] | None = None
    link: Link = attrs.field(init=False)
    newest: int = attrs.field(default=0, init=False)
    refusal: tuple[str, float] | None = attrs.field(default=None, init=False)
    _id: uuid.UUID = attrs.field(factory=uuid.uuid4, init=False)
    _number: int = 0
    _waiting: WriteQueue = attrs.field(factory=WriteQueue, init=False)
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False
    _begun: float | None = None
    _sql: str = ""
    _outcome: str = ""

    def __attrs_post_init__(self) -> None:
        self.link = Link(self._settings, self._enter, self._answers)
        self._sql = named(_WRITE, self._settings.schema)
        self._outcome = named(_OUTCOME, self._settings.schema)

    async def _enter(self, connection: Connection) -> None:
        await connection.execute(named(_ENTER, self._settings.schema), self._id)

    def start(self) -> None:
        """Starts writing."""
        self._task = asyncio.create_task(self._run(), name="registry writer")

    async def close(self) -> None:
        """Writes what is waiting, and disconnects. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,))  # unlike `gather`, this can be cancelled without ending the task
        await self.link.close()

    @property
    def slow(self) -> tuple[float, int]:
        """Returns for how many seconds the current group has been unanswered, and how many writes wait behind it."""
        return 0.0 if self._begun is None else time.monotonic() - self._begun, len(self._waiting)

    async def write(self, unit: WriteUnit) -> tuple[Any, bytes | LeftOut | None]:
        """Returns, once ``unit`` is committed, what its database function returned, and the state that goes with it.

        Raises:
            Unavailable: the registry is closed, or the database cannot be reached or is full.
            BadRequest, TooLarge: a value cannot be stored.
        """
        if self._closing:
            raise Unavailable("the registry is closed")
        self._waiting.put(unit)
        self._wake.set()
        return await unit.future

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            self._wake.clear()
            group = self._waiting.take()
            if group:
                await self._do(group)
            if not self._waiting and not self._closing:
                await self._wake.wait()

    async def _do(self, group: list[WriteUnit]) -> None:
        self._begun = time.monotonic()
        try:
            answer = await self._send(group)
        except Exception as error:
            await self._failed(group, error)
        else:
            try:
                self._answered(group, answer)
            except Exception as error:  # for example, because somebody has changed the function
                _log.exception("the answer to a write to the registry cannot be read")
                await self._failed(group, _unreadable(self._settings.where, error))
        finally:
            self._begun = None

    async def _send(self, group: list[WriteUnit]) -> Any:
        """Sends a group and returns the answer. When this raises, nothing was written, unless the error says that this
        is unknown."""
        locks, jobs, states = sent(group)
        self._number += 1
        arguments = (self._id, self._number, locks, group[0].kind, jobs, states, _MOST)
        doubt_ends, why = 0.0, ""
        tries = broken = 0
        while True:
            try:
                return await self._attempt(arguments, broken)
            except Unavailable as error:
                if not doubt_ends:
                    raise
                if self._closing or time.monotonic() > doubt_ends:
                    raise _nobody_knows(self._settings.where, why) from None
                self._refuse_waiting(error)
                await asyncio.sleep(_LOOK)
            except _Broken as broke:
                doubt_ends, why = doubt_ends or time.monotonic() + _SETTLE, said_by(broke.error)
                last = isinstance(broke.error, TimeoutError) and self._answers.is_last(broken)
                broken += 1
                # This group may be the cause: the server may not survive it, or not finish it.
                if broken >= _BREAKS or last:
                    raise _nobody_knows(self._settings.where, why) from broke.error
            except Exception as error:
                tries += 1
                if may_go_on(error) and tries < _TRIES:
                    continue
                if doubt_ends and not is_of_a_value(error):
                    raise _nobody_knows(self._settings.where, f"{why}, then {said_by(error)}") from error
                raise

    async def _attempt(self, arguments: tuple[Any, ...], broken: int) -> Any:
        async with self._borrow() if self._borrow else self.link as link:
            connection, committed = await link.connection(), False
            try:
                async with asyncio.timeout(LARGE if self._borrow else self._answers.wait(broken)):
                    if self._borrow:
                        await self._enter(connection)
                    xid, outcome, *rest = await connection.fetchrow(self._sql, *arguments)
                    committed = True
                    if outcome is None:  # it is large
                        outcome = await connection.fetchval(self._outcome, *arguments[:2])
                    return xid, outcome, *rest
            except Exception as error:
                if unsent(error) and not committed:
                    link.broke(error)
                    raise
                if committed or breaks(error) or connection.is_closed():
                    link.broke(error)
                    raise _Broken(error) from error
                raise

    def _refuse_waiting(self, error: Unavailable) -> None:
        """Refuses the waiting writes while the outcome of a group is sought: none of them was written."""
        for unit in self._waiting.clear():
            unit.future.set_exception(own_copy(error))

    def _answered(self, group: list[WriteUnit], answer: Any) -> None:
        self.refusal = None
        xid, outcome, states, logged, sizes = answer
        if sizes is not None:
            states = [None if size is None else LeftOut(size) for size in sizes]
        if xid is not None:
            self.newest = max(self.newest, xid)
        outcomes = msgspec.json.decode(outcome)
        self._committed(entries_of(group, outcomes, logged))
        results = list(zip(group, outcomes, states or [None] * len(group), strict=True))
        # Where a commit takes long, the largest groups are best.
        quick = self._begun is not None and time.monotonic() - self._begun < _OWN * len(group)
        take_turns(results, _answer, others_wait=bool(self._waiting), halve=quick)

    async def _failed(self, group: list[WriteUnit], error: Exception) -> None:
        if len(group) > 1 and not hits_all(error) and not isinstance(error, Unavailable):
            # One unit caused the error, and the whole transaction was rolled back: try each unit on its own.
            for unit in group:
                await self._do([unit])
            return
        meaning = translated(error, self._settings.where)
        if hits_all(error):
            self.refusal = (meaning.message, time.time() if self.refusal is None else self.refusal[1])
        if meaning.status == 500:
            _log.error("a write to the registry failed", exc_info=error)
        for unit in group:
            if not unit.future.done():
                unit.future.set_exception(meaning if len(group) == 1 else own_copy(meaning))


def _answer(results: list[tuple[WriteUnit, Any, bytes | LeftOut | None]]) -> None:
    for unit, outcome, state in results:
        if not unit.future.done():
            unit.future.set_result((outcome, state))


def _nobody_knows(where: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the database of the registry, {where}, was lost during a write: {why}; it is not known whether that was "
        "committed",
        hint="check the stored data before you repeat the write",
    )


def _unreadable(where: str, error: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the answer of the database of the registry, {where}, to a write cannot be read: {error}; it is not known "
        "whether that was committed",
        hint="its functions were changed; restore a backup of its schema",
    )
