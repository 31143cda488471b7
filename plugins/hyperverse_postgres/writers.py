"""The two writers of a registry: one for nearly all writes, and one for large ones beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import attrs

from .answers import AnswerTimes
from .reader import PostgresReader
from .settings import PostgresSettings
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

    async def write(
        self,
        kind: str,
        job: Any,
        *,
        changes: frozenset[str] | None,
        locks: tuple[int, ...],
        needs: frozenset[str] = frozenset(),
        states: tuple[bytes, ...] = (),
        urgent: bool = False,
    ) -> tuple[Any, bytes | None]:
        """See :meth:`PostgresWriter.write`."""
        if changes is not None and self._under_way:
            await self._behind_large(changes | needs)
        if changes is None or sum(map(len, states)) < LARGE_STATE:
            return await self.small.write(
                kind, job, changes=changes, locks=locks, needs=needs, states=states, urgent=urgent
            )
        large = asyncio.ensure_future(self._write_large(kind, job, changes, locks, needs, states))
        self._under_way[large] = changes
        large.add_done_callback(self._ended)
        return await asyncio.shield(large)  # continues without its caller: later writes must wait for it

    async def _write_large(
        self,
        kind: str,
        job: Any,
        changes: frozenset[str],
        locks: tuple[int, ...],
        needs: frozenset[str],
        states: tuple[bytes, ...],
    ) -> tuple[Any, bytes | None]:
        # After the small writes that wait or are in progress.
        await self.small.write("release", [], changes=changes, locks=())
        return await self._large.write(kind, job, changes=changes, locks=locks, needs=needs, states=states)

    def _ended(self, large: asyncio.Future[Any]) -> None:
        del self._under_way[large]
        if not large.cancelled():
            large.exception()  # its caller may be gone

    async def _behind_large(self, touched: frozenset[str]) -> None:
        while before := [large for large, points in self._under_way.items() if not points.isdisjoint(touched)]:
            await asyncio.wait(before)
