"""A second process on a registry's file, for the tests. It says what was acknowledged, line by line."""

from __future__ import annotations

import asyncio
import itertools
import sys

from hyperverse_core.errors import Conflict
from hyperverse_core.registry import Registration
from hyperverse_core.values import HYPERUSER, Kind, Point, StarKey
from hyperverse_sql.registry import SqlRegistry

SPACE = Point.parse("localhost")


async def register(registry: SqlRegistry, name: str) -> None:
    """Registers without end, many at once; says the name of each that was acknowledged."""
    numbers = itertools.count()

    async def one_after_another() -> None:
        for number in numbers:
            point = SPACE.child(f"{name}{number}")
            state = point.name.encode()
            await registry.register(Registration(point, Kind("Base"), HYPERUSER, state=state))
            print(point, flush=True)

    await asyncio.gather(*(one_after_another() for _ in range(20)))


async def count(registry: SqlRegistry, many: str) -> None:
    """Takes numbers of one sequence; says each."""
    for number in await asyncio.gather(*(registry.sequence(SPACE) for _ in range(int(many)))):
        print(number)


async def take(registry: SqlRegistry, many: str) -> None:
    """Takes a particle over from whoever has it, again and again; says each epoch it got."""
    star = StarKey("kit", "fold")
    for _ in range(int(many)):
        expected = (await registry.record(SPACE)).assignment
        try:
            print((await registry.assign(SPACE, star, 1, expected)).assignment.epoch)
        except Conflict:
            print("beaten")


async def main(path: str, what: str, argument: str) -> None:
    acts = {"register": register, "count": count, "take": take}
    async with SqlRegistry({"path": path}) as registry:
        await acts[what](registry, argument)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
