"""A process that assigns particles of a registry in PostgreSQL, again and again, until it is told to end or is killed.

Prints a line for each assignment that was acknowledged: its epoch.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

from hyperverse_core.errors import Conflict
from hyperverse_core.values import Point, StarKey
from hyperverse_postgres.registry import PostgresRegistry


async def main(settings: str, points: str, incarnation: str, seed: str) -> None:
    chance = random.Random(int(seed))
    star = StarKey("kit", "fold")
    async with PostgresRegistry(json.loads(settings)) as registry:

        async def assign(point: Point) -> None:
            held = (await registry.record(point)).assignment
            try:
                assigned = await registry.assign(point, star, int(incarnation), held)
            except Conflict:
                return
            print(assigned.assignment.epoch, flush=True)

        print("ready", flush=True)
        ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        while not ended.done():
            few = chance.sample(range(int(points)), 3)
            await asyncio.gather(*(assign(Point.parse(f"localhost:p{number}")) for number in few))
            await asyncio.sleep(chance.random() * 0.004)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
