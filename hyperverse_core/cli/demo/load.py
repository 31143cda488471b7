"""The load of the demo: numbers added to counters, and a ledger of what was acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from ...errors import HyperverseError
from ...universe.waves.wave import Outcome

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["Ledger", "add_until", "read_all"]


@attrs.define
class Ledger:
    """What happened to each counter.

    Attributes:
        acknowledged: by point, how much was added with the answer that it is durable.
        unknown: by point, how much was sent without an answer: it may have been added.
        waves: how many were answered.
        seconds: for how long.
    """

    acknowledged: dict[str, int]
    unknown: dict[str, int]
    waves: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, points: Sequence[str]) -> Ledger:
        """Nothing has happened yet."""
        return cls(dict.fromkeys(points, 0), dict.fromkeys(points, 0))

    def lost(self, values: dict[str, int]) -> list[str]:
        """Counters that have less than was acknowledged, or more than was ever sent."""
        return [
            point
            for point, kept in self.acknowledged.items()
            if not kept <= values.get(point, -1) <= kept + self.unknown[point]
        ]


async def add_until(client: Client, ledger: Ledger, end: asyncio.Event) -> None:
    """Adds to every counter, one wave after the other for each, until ``end`` is set or the machine is gone."""
    began = time.monotonic()

    async def feed(point: str) -> None:
        by = 1
        while not end.is_set():
            try:
                pong = await client.ping(point, "Ext<Add>", {"by": by}, wait=5.0)
            except HyperverseError:  # the connection is gone: nothing was sent any more
                return
            if pong.ok:
                ledger.acknowledged[point] += by
                ledger.waves += 1
            elif pong.outcome is Outcome.UNKNOWN:
                ledger.unknown[point] += by
                return
            else:
                return
            by = by % 7 + 1

    await asyncio.gather(*(feed(point) for point in ledger.acknowledged))
    ledger.seconds += time.monotonic() - began


async def read_all(client: Client, points: Sequence[str]) -> dict[str, int]:
    """The value of every counter, as the machine has it now. Raises what the machine answers."""
    pongs = await asyncio.gather(*(client.ping(point, "Ext<Get>") for point in points))
    return {point: int(pong.unwrap()) for point, pong in zip(points, pongs, strict=True)}
