"""Look-ups of records: those that arrive together are one query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import attrs
import sqlalchemy as sa

from hyperverse_core.contracts.registry import ParticleRecord
from hyperverse_core.universe.point import Point

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
    _answer: asyncio.Future[dict[str, ParticleRecord]] | None = None

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        """The records of those of ``points`` that are registered, as committed when this is called or later."""
        asked = list(points)
        if not asked:
            return {}
        if self._answer is None:
            self._answer = asyncio.ensure_future(self._reader.read_late(self._begin))
            # When everybody who asked has gone away, nobody is left to be told of an error.
            self._answer.add_done_callback(_retrieved)
        self._wanted.update(point.text for point in asked)
        # Shielded: one caller that is cancelled does not take the answer away from the others.
        found = await asyncio.shield(self._answer)
        return {point: found[point.text] for point in asked if point.text in found}

    def _begin(self) -> Callable[[sa.Connection], dict[str, ParticleRecord]]:
        # It starts here: whoever asks from now on waits for the next one.
        wanted, self._wanted, self._answer = self._wanted, set(), None
        return partial(records_at, points=wanted)


def _retrieved(answer: asyncio.Future[dict[str, ParticleRecord]]) -> None:
    if not answer.cancelled():
        answer.exception()
