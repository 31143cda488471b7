"""The load of the demo: adds numbers to counters, and keeps a ledger of what was acknowledged."""

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

__all__ = ["DemoLedger", "add_until", "read_all"]


@attrs.define
class DemoLedger:
    """The sums that were sent to each counter.

    Attributes:
        acknowledged: sum for each point that the counter has acknowledged as durable.
        unknown: sum for each point that was sent and not answered, so the counter may have added it.
        waves: number of waves that were answered.
        seconds: duration of the load.
    """

    acknowledged: dict[str, int]
    unknown: dict[str, int]
    waves: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, points: Sequence[str]) -> DemoLedger:
        """Returns an empty ledger of these counters."""
        return cls(dict.fromkeys(points, 0), dict.fromkeys(points, 0))

    def lost(self, values: dict[str, int]) -> list[str]:
        """Returns the counters whose value is less than was acknowledged, or more than was sent."""
        return [
            point
            for point, kept in self.acknowledged.items()
            if not kept <= values.get(point, -1) <= kept + self.unknown[point]
        ]


async def add_until(client: Client, ledger: DemoLedger, end: asyncio.Event) -> None:
    """Sends waves to all counters concurrently, one at a time to each, until ``end`` is set or the machine is gone."""
    began = time.monotonic()

    async def feed(point: str) -> None:
        by = 1
        while not end.is_set():
            try:
                pong = await client.ping(point, "Ext<Add>", {"by": by}, wait=5.0)
            except HyperverseError:  # the connection is gone, so the wave was not sent
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
    """Returns the value of every counter. Raises HyperverseError if a counter does not answer with its value."""
    pongs = await asyncio.gather(*(client.ping(point, "Ext<Get>") for point in points))
    return {point: int(pong.unwrap()) for point, pong in zip(points, pongs, strict=True)}
