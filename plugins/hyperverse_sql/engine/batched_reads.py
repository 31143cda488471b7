"""Reads by point: reads that arrive together share one query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.values import Point

from .reader import Reader

__all__ = ["BatchedReads"]

_T = TypeVar("_T")
_MOST: Final = 2000


@attrs.define(eq=False)
class BatchedReads(Generic[_T]):
    """Collects the points requested while a query runs, and reads all of them with the next query.

    Attributes:
        find: the query; takes points and returns what it found, keyed by the text of the point.
    """

    find: Callable[[sa.Connection, Iterable[str]], dict[str, _T]]
    _reader: Reader
    _wanted: set[str] = attrs.field(factory=set)
    _asking: list[asyncio.Future[dict[str, _T]]] = attrs.field(factory=list)
    _queries: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def at(self, points: Iterable[Point]) -> dict[Point, _T]:
        """Returns what was found at ``points``, as committed when this is called or later. A long list of points is
        read in parts, so that other callers do not wait long behind it."""
        asked = list(points)
        if len(asked) <= _MOST:
            return await self._at(asked) if asked else {}
        found: dict[Point, _T] = {}
        for begin in range(0, len(asked), _MOST):
            found |= await self._at(asked[begin : begin + _MOST])
        return found

    async def _at(self, asked: list[Point]) -> dict[Point, _T]:
        if not self._asking:
            query = asyncio.create_task(self._query(), name="registry batched read")
            self._queries.add(query)
            query.add_done_callback(self._queries.discard)
        # Each caller has a future of its own, so that cancelling one caller does not cancel the answer of the others.
        answer: asyncio.Future[dict[str, _T]] = asyncio.get_running_loop().create_future()
        self._asking.append(answer)
        self._wanted.update(point.text for point in asked)
        found = await answer
        return {point: found[point.text] for point in asked if point.text in found}

    async def _query(self) -> None:
        asking: list[asyncio.Future[dict[str, _T]]] = []

        def begin() -> Callable[[sa.Connection], dict[str, _T]]:
            # Callers that arrive from now on wait for the next query.
            nonlocal asking
            asking, self._asking = self._asking, []
            wanted, self._wanted = self._wanted, set()
            return lambda connection: self.find(connection, wanted)

        try:
            found = await self._reader.read_late(begin)
        except BaseException as error:
            if not asking:  # the query never started, and will not
                asking, self._asking, self._wanted = self._asking, [], set()
            for answer in asking:
                if not answer.done():
                    _fail(answer, error)
            if not isinstance(error, HyperverseError):
                raise
        else:
            for answer in asking:
                if not answer.done():
                    answer.set_result(found)


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        answer.cancel()
    else:
        answer.set_exception(error)
