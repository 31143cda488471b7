"""The two writers of a registry: one for nearly all writes, and one for large ones beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import attrs

from .answers import AnswerTimes
from .reader import PostgresReader
from .settings import PostgresSettings
from .work import LeftOut, WriteUnit
from .writer import PostgresWriter

__all__ = ["LARGE_STATE", "PostgresWriters"]

LARGE_STATE: Final = 1024 * 1024
"""Bytes of states from which a write counts as large: about what a server writes in 20 ms."""


@attrs.define(eq=False)
class PostgresWriters:
    """Writes through both writers. Writes that touch the same particle keep their order.

    Attributes:
        small: the writer that does nearly all of them.
    """

    small: PostgresWriter
    _large: PostgresWriter
    _under_way: dict[asyncio.Future[Any], frozenset[str]] = attrs.field(factory=dict, init=False)

    @classmethod
    def over(
        cls, settings: PostgresSettings, reader: PostgresReader, answers: AnswerTimes, committed: Callable[[int], None]
    ) -> PostgresWriters:
        """Returns writers over a connection of their own, and over that of ``reader``."""
        small = PostgresWriter(settings, committed, answers)
        reader.detour = small.link
        return cls(small, PostgresWriter(settings, committed, answers, reader.lend))

    def start(self) -> None:
        """Starts writing."""
        self.small.start()
        self._large.start()

    async def close(self) -> None:
        """Writes what is waiting, and disconnects. May be called twice."""
        await self._large.close()
        await self.small.close()

    async def write(self, unit: WriteUnit) -> tuple[Any, bytes | LeftOut | None]:
        """See :meth:`PostgresWriter.write`."""
        if unit.changes is not None and self._under_way:
            await self._behind_large(unit.changes | unit.needs)
        if unit.changes is None or sum(map(len, unit.states)) < LARGE_STATE:
            return await self.small.write(unit)
        large = asyncio.ensure_future(self._write_large(unit, unit.changes))
        self._under_way[large] = unit.changes
        large.add_done_callback(self._ended)
        return await asyncio.shield(large)  # continues without its caller: later writes must wait for it

    async def _write_large(self, unit: WriteUnit, changes: frozenset[str]) -> tuple[Any, bytes | LeftOut | None]:
        # After the small writes that wait or are in progress.
        await self.small.write(WriteUnit("release", [], changes, ()))
        return await self._large.write(unit)

    def _ended(self, large: asyncio.Future[Any]) -> None:
        del self._under_way[large]
        if not large.cancelled():
            large.exception()  # its caller may be gone

    async def _behind_large(self, touched: frozenset[str]) -> None:
        while before := [large for large, points in self._under_way.items() if not points.isdisjoint(touched)]:
            await asyncio.wait(before)
