"""Applies the same writes to a registry and to the one in memory, and compares what both return and what is read."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from ...contracts.registry import Registration, Registry
from ...errors import HyperverseError
from ...universe.address.point import HYPERUSER, Point
from ..memory_registry import MemoryRegistry
from .fixture_tree import BASE, EVERYTHING, SPACE, drain, whole
from .random_writes import DIGESTS, POINTS, SPACE_OF_ALL, STARS, WRITES, Side, Write, plain, plain_star

__all__ = ["TwoRegistries"]

_SHOWN: Final = 12
"""Writes that a failure tells, the last ones."""


class TwoRegistries:
    """The registry under test, and one in memory.

    Args:
        opened: registries that have the store under test open; each write goes to one of them, each read too.
        seed: of the random choices.
    """

    def __init__(self, opened: Sequence[Registry], seed: int) -> None:
        self._opened = opened
        self._chance = random.Random(seed)
        self._tested = Side(opened[0])
        self._model = Side(MemoryRegistry())
        self._done: list[str] = []
        self._read_to = [0, 0]

    async def open(self) -> None:
        """Begins with all particles, and no stars."""
        await self._model.registry.open()
        for side in (self._tested, self._model):
            await side.registry.register(Registration(SPACE_OF_ALL, SPACE, HYPERUSER))
            for point in POINTS:
                await side.registry.register(Registration(point, BASE, HYPERUSER))

    async def step(self) -> None:
        """Writes something to both, and reads everything. Raises AssertionError when the two differ."""
        choice = self._chance.choice
        self._tested.registry, reader = choice(self._opened), choice(self._opened)
        name, write = choice(WRITES)(self._chance)
        self._done.append(name)
        expected, found = await _outcome(write, self._model), await _outcome(write, self._tested)
        assert found == expected, self._explained("the write itself", found, expected)
        await self._compare_feeds(reader)
        model = self._model.registry
        for what, read in _READS.items():
            found, expected = await read(reader), await read(model)
            assert found == expected, self._explained(what, found, expected)

    async def _compare_feeds(self, reader: Registry) -> None:
        told = []
        for number, registry in enumerate((reader, self._model.registry)):
            entries = await drain(registry, self._read_to[number])
            told.append({(entry.kind.value, entry.point.text) for entry in entries})
            self._read_to[number] = entries[-1].revision if entries else self._read_to[number]
        missing = told[1] - told[0]
        assert not missing, self._explained("changes", told[0], told[1])

    def _explained(self, what: str, found: object, expected: object) -> str:
        done = "\n  ".join(self._done[-_SHOWN:])
        return (
            f"{what}: the registry in memory returns\n  {expected}\nand this one\n  {found}\n"
            f"after these writes, the last of {len(self._done)}:\n  {done}"
        )


async def _outcome(write: Write, side: Side) -> object:
    """What a write returns, or the name of its error."""
    try:
        return await write(side)
    except HyperverseError as error:
        return type(error).__name__


# -- what is read, without the numbers that are a registry's own -------------------------------------------------


async def _read_records(registry: Registry) -> object:
    return {point.text: plain(record) for point, record in sorted((await registry.records(POINTS)).items())}


async def _read_pages(registry: Registry) -> object:
    async def select(after: Point | None, limit: int) -> Any:
        return await registry.select(EVERYTHING, after=after, limit=limit)

    return [plain(record) for record in await whole(select, limit=4)]


async def _read_children(registry: Registry) -> object:
    return [plain(record) for record in (await registry.children(SPACE_OF_ALL)).records]


async def _read_hosted(registry: Registry) -> object:
    return [[plain(record) for record in (await registry.hosted(key)).records] for key in STARS]


async def _read_states(registry: Registry) -> object:
    def loading(point: Point) -> Write:
        return lambda side: side.registry.load_state(point)

    return {point.text: await _outcome(loading(point), Side(registry)) for point in POINTS}


async def _read_stars(registry: Registry) -> object:
    return [plain_star(star) for star in await registry.stars()]


async def _read_some_stars(registry: Registry) -> object:
    return [plain_star(star) for key in STARS for star in await registry.stars((key,))]


async def _read_grants(registry: Registry) -> object:
    return [attrs.evolve(grant, id=0) for grant in await registry.grants()]


async def _read_grants_at(registry: Registry) -> object:
    return [attrs.evolve(grant, id=0) for point in POINTS for grant in await registry.grants([point])]


async def _read_tokens(registry: Registry) -> object:
    return [await registry.tokens(), [await registry.token(digest) for digest in DIGESTS]]


async def _read_keys(registry: Registry) -> object:
    return await registry.machine_keys()


_READS: Final[dict[str, Callable[[Registry], Awaitable[object]]]] = {
    "records": _read_records,
    "select": _read_pages,
    "children": _read_children,
    "hosted": _read_hosted,
    "load_state": _read_states,
    "stars of all": _read_stars,
    "stars of one key": _read_some_stars,
    "grants of all": _read_grants,
    "grants of one root": _read_grants_at,
    "tokens": _read_tokens,
    "machine_keys": _read_keys,
}
