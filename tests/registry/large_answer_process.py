"""A process that does one write to a registry in PostgreSQL whose answer is large."""

from __future__ import annotations

import asyncio
import json
import sys

from hyperverse_core.values import Point
from hyperverse_postgres.registry import PostgresRegistry


async def main(settings: str, kind: str, points: str) -> None:
    async with PostgresRegistry(json.loads(settings)) as registry:
        (star,) = await registry.stars()
        print("ready", flush=True)
        if kind == "delete":
            await registry.delete([Point.parse("localhost")])
            return
        all_points = [Point.parse(f"localhost:p{number}") for number in range(int(points))]
        await asyncio.gather(*(registry.assign(point, star.key, star.incarnation, None) for point in all_points))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
