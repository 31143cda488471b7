"""How long a Ping takes."""

from __future__ import annotations

import asyncio
import time

from hyperverse_core.client.api import ClientApi
from hyperverse_core.universe.waves.wave import Method

__all__ = ["time_for"]


async def time_for(client: ClientApi, point: str, flight: int, seconds: float) -> float:
    """Microseconds for each ``Ext<Value>`` to a particle with so many in flight."""
    method = Method.parse("Ext<Value>")
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    count = 0

    async def one() -> None:
        nonlocal count
        while loop.time() < until:
            reply = await client.ping(point, method)
            assert reply.ok, reply.error
            count += 1

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(flight)))
    return (time.perf_counter() - begun) / count * 1e6
