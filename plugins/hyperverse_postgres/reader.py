"""Reads over one connection, one after another; look-ups that arrive together become one query.

A large read may borrow that connection for a while. Meanwhile other reads go over the connection of the writes, between
the writes, so that only the callers of large reads wait for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeAlias, TypeVar

import attrs

from hyperverse_core.errors import HyperverseError, Unavailable
from hyperverse_core.values import Point

from .answers import LARGE
from .faults import breaks, may_go_on, own_copy, translated
from .link import Connection, Link
from .settings import PostgresSettings
from .turns import take_turns

__all__ = ["BatchedLookUps", "PostgresReader"]

_T = TypeVar("_T")
_Caller: TypeAlias = tuple[list[Point], asyncio.Future[dict[Point, _T]]]
_TRIES: Final = 3
"""Limits what may continue over the same connection."""
_MOST: Final = 2000


@attrs.define(eq=False)
class PostgresReader:
    """Reads. A read whose connection breaks is repeated over the next one.

    Attributes:
        link: the connection for reads.
        detour: the connection to use while that one is lent.
    """

    _settings: PostgresSettings
    link: Link
    detour: Link
    _lent: bool = attrs.field(default=False, init=False)
    _lending: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _waiting: deque[tuple[Callable[[Connection], Awaitable[Any]], asyncio.Future[Any]]] = attrs.field(
        factory=deque, init=False
    )
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False

    @property
    def where(self) -> str:
        """The database, as errors name it."""
        return self._settings.where

    def start(self) -> None:
        """Starts reading."""
        self._task = asyncio.create_task(self._run(), name="registry reader")

    async def close(self) -> None:
        """Finishes reads in progress, and disconnects. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,))  # unlike `gather`, this can be cancelled without ending the task
        await self.link.close()

    async def read(self, query: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Returns the result of ``query``, or raises its error.

        Args:
            query: called again when the connection breaks.

        Raises:
            Unavailable: the registry is closed, or the database cannot be reached.
        """
        return await self.begin(query)

    def begin(self, query: Callable[[Connection], Awaitable[_T]]) -> asyncio.Future[_T]:
        """Like :meth:`read`, without waiting for the result."""
        if self._closing:
            raise Unavailable("the registry is closed")
        # A future: cancelling one caller must not break the connection for the others.
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append((query, future))
        self._wake.set()
        return future

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            self._wake.clear()
            while self._waiting:
                query, future = self._waiting.popleft()
                if future.done():
                    continue
                try:
                    found = await self._ask(query)
                except Exception as error:
                    if not future.done():
                        future.set_exception(translated(error, self._settings.where))
                else:
                    if not future.done():
                        future.set_result(found)
            if not self._closing:
                await self._wake.wait()

    async def _ask(self, query: Callable[[Connection], Awaitable[_T]]) -> _T:
        tries = broken = 0
        while True:
            link = self.detour if self._lent else self.link
            async with link:
                connection = await link.connection()
                try:
                    async with asyncio.timeout(link.answers.wait(broken)):
                        return await query(connection)
                except Exception as error:
                    if isinstance(error, HyperverseError):
                        raise
                    if breaks(error) or connection.is_closed():
                        link.broke(error)
                        if link.answers.is_last(broken):
                            raise
                        broken += 1
                        continue
                    tries += 1
                    if not may_go_on(error) or tries >= _TRIES:
                        raise

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Link]:
        """Lends the connection for reads to large reads, one after another, until the end of an ``async with``."""
        async with self._lending:
            self._lent = True
            try:
                async with self.link:
                    yield self.link
            finally:
                self._lent = False

    async def read_large(self, query: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Returns the large result of ``query``, or raises its error. Raises as :meth:`read`."""
        if self._closing:
            raise Unavailable("the registry is closed")
        tries = 0
        async with self.lend() as link:
            while True:
                connection = await link.connection()
                try:
                    async with asyncio.timeout(LARGE):
                        return await query(connection)
                except Exception as error:
                    tries += 1
                    if breaks(error) or connection.is_closed():
                        link.broke(error)
                    elif not may_go_on(error):
                        raise translated(error, self._settings.where) from error
                    if tries >= _TRIES:
                        raise translated(error, self._settings.where) from error


@attrs.define(eq=False)
class BatchedLookUps(Generic[_T]):
    """Look-ups by point: those that wait at the same time are one query.

    Attributes:
        find: the query; returns what it finds at some points, by the text of each point.
        made: turns what was found at one point into what callers get.
    """

    find: Callable[[Connection, list[str]], Awaitable[dict[str, Any]]]
    made: Callable[[Any], _T]
    _reader: PostgresReader
    _asked: list[_Caller[_T]] = attrs.field(factory=list, init=False)

    async def at(self, points: Iterable[Point]) -> dict[Point, _T]:
        """Returns what is found at ``points``, as committed at the time of the call or later. A very large number of
        points is queried in parts, so that other callers do not wait long."""
        wanted = list(points)
        if len(wanted) > _MOST:
            found: dict[Point, _T] = {}
            for begin in range(0, len(wanted), _MOST):
                found |= await self.at(wanted[begin : begin + _MOST])
            return found
        if not wanted:
            return {}
        if not self._asked:
            self._begin()
        # A separate future: a cancelled caller must not take the answer away from the others.
        future: asyncio.Future[dict[Point, _T]] = asyncio.get_running_loop().create_future()
        self._asked.append((wanted, future))
        return await future

    def _begin(self) -> None:
        callers: list[_Caller[_T]] = []

        async def query(connection: Connection) -> None:
            if not callers:  # and the query is not repeated over another connection
                callers.extend(self._asked)
                # Callers that ask from now on wait for the next query.
                self._asked = []
            found = await self.find(connection, list({point.text: None for wanted, _ in callers for point in wanted}))
            take_turns(callers, lambda some: self._answer(some, found), others_wait=bool(self._asked))

        def ended(query: asyncio.Future[None]) -> None:
            error = query.exception()
            if error is None:
                return
            if not callers:  # the query has not begun, and never will
                callers.extend(self._asked)
                self._asked = []
            self._fail(callers, error)

        self._reader.begin(query).add_done_callback(ended)

    def _answer(self, callers: list[_Caller[_T]], found: dict[str, Any]) -> None:
        for wanted, future in callers:
            if not future.done():
                try:
                    here = {point: self.made(found[point.text]) for point in wanted if point.text in found}
                except Exception as error:  # what is stored there cannot be read
                    future.set_exception(translated(error, self._reader.where))
                else:
                    future.set_result(here)

    def _fail(self, callers: list[_Caller[_T]], error: BaseException) -> None:
        for _, future in callers:
            if not future.done():
                future.set_exception(own_copy(error))
