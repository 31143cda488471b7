"""Look-ups of records: those that arrive together are one query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import Point

from . import sqlite
from .reader import Reader
from .rows import RECORD, record_of
from .schema import particles

__all__ = ["Lookups", "records_at"]

_AT = sa.select(*RECORD).where(particles.c.point.in_(sqlite.listed("points")))


def records_at(connection: sa.Connection, points: Iterable[str]) -> dict[str, ParticleRecord]:
    """The records of those of ``points`` that are registered, by text."""
    rows = connection.execute(_AT, {"points": sqlite.listing(points)})
    return {row[0]: record_of(row) for row in rows}


@attrs.define(eq=False)
class Lookups:
    """Gathers what is asked for while a query runs, and asks for all of it with the next."""

    _reader: Reader
    _wanted: set[str] = attrs.field(factory=set)
    _asking: list[asyncio.Future[dict[str, ParticleRecord]]] = attrs.field(factory=list)
    _queries: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        """The records of those of ``points`` that are registered, as committed when this is called or later."""
        asked = list(points)
        if not asked:
            return {}
        if not self._asking:
            query = asyncio.create_task(self._query(), name="registry look-up")
            self._queries.add(query)
            query.add_done_callback(self._queries.discard)
        # A future for each: one caller that is cancelled does not take the answer away from the others.
        answer: asyncio.Future[dict[str, ParticleRecord]] = asyncio.get_running_loop().create_future()
        self._asking.append(answer)
        self._wanted.update(point.text for point in asked)
        found = await answer
        return {point: found[point.text] for point in asked if point.text in found}

    async def _query(self) -> None:
        asking: list[asyncio.Future[dict[str, ParticleRecord]]] = []

        def begin() -> Callable[[sa.Connection], dict[str, ParticleRecord]]:
            # Whoever asks from now on waits for the next query.
            nonlocal asking
            asking, self._asking = self._asking, []
            wanted, self._wanted = self._wanted, set()
            return partial(records_at, points=wanted)

        try:
            found = await self._reader.read_late(begin)
        except BaseException as error:
            if not asking:  # it has not begun, and will not
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
