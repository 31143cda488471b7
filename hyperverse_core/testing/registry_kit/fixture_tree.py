"""The particles and stars that the tests register, and how the tests read them back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from ...contracts.registry import Assignment, Change, ChangeKind, Page, Registration, Registry, StarRecord
from ...universe.address.point import HYPERUSER, Point
from ...universe.address.star_key import StarKey
from ...universe.kinds.kind import Kind
from ...universe.selectors.selector import Selector

__all__ = [
    "APP",
    "BASE",
    "EVERYTHING",
    "FOLD",
    "LONG",
    "SPACE",
    "USER",
    "RegistryKitBase",
    "at",
    "drain",
    "fold",
    "heard",
    "hosted_at",
    "outcomes",
    "points_of",
    "populate",
    "snapshot",
    "whole",
]

SPACE = Kind("Space")
BASE = Kind("Base")
APP = Kind("App")
USER = Kind("User")
FOLD = StarKey("kit", "fold")
LONG = 60.0
"""Seconds after which what has not happened will not happen."""
EVERYTHING = Selector.parse("+:**")

at = Point.parse


class RegistryKitBase:
    """The attributes that a subclass may set.

    Attributes:
        durable: whether the content of the registry survives a close, and the same store can be opened twice. Then the
            subclass implements :meth:`open_again`.
        feed_keeps: how many entries of the change feed the registry of the fixture keeps, when a test can write more (a
            few thousand); None skips the tests of a feed that has lost entries.
    """

    durable: ClassVar[bool] = True
    feed_keeps: ClassVar[int | None] = None

    async def open_again(self, registry: Registry) -> Registry:
        """Opens the store of ``registry`` a second time, as another process does. The test closes the result."""
        raise NotImplementedError(f"{type(self).__name__} is durable, so it must implement open_again for {registry!r}")

    @asynccontextmanager
    async def several(self, registry: Registry, number: int) -> AsyncIterator[list[Registry]]:
        """Gives ``registry`` and others that have the same store open, ``number`` together. When the registry is not
        durable, it is the same one ``number`` times."""
        others: list[Registry] = []
        try:
            if self.durable:
                for _ in range(number - 1):
                    others.append(await self.open_again(registry))
            yield [registry, *others] if self.durable else [registry] * number
        finally:
            for other in others:
                await other.close()


async def populate(registry: Registry, *entries: str, owner: Point = HYPERUSER) -> None:
    """Registers particles written as ``"localhost<Space>"``, one after another. A point without a Kind is a Base."""
    for text in entries:
        point, opened, kind = text.partition("<") if not text.startswith("<<") else _star_entry(text)
        what = Kind.parse(kind[:-1]) if opened else BASE
        await registry.register(Registration(at(point), what, owner))


def _star_entry(text: str) -> tuple[str, str, str]:
    """As `str.partition`, for a point in the space of a star, which itself begins with angle brackets."""
    route, _, rest = text.partition(">>")
    point, opened, kind = rest.partition("<")
    return f"{route}>>{point}", opened, kind


def fold(key: StarKey = FOLD, *, machine: str = "kit", **values: Any) -> StarRecord:
    """Returns a record of a star, to announce it."""
    return StarRecord(key, "Fold", machine, **values)


async def hosted_at(registry: Registry, point: Point, star: StarRecord) -> Assignment:
    """Assigns ``point`` to the announced ``star``, whatever its present assignment is."""
    present = (await registry.record(point)).assignment
    return (await registry.assign(point, star.key, star.incarnation, present)).assignment


async def outcomes(acts: Iterable[Awaitable[Any]]) -> list[Any]:
    """Runs ``acts`` concurrently and returns their results, with exceptions in their places."""
    return await asyncio.gather(*acts, return_exceptions=True)


async def drain(registry: Registry, since: int = 0) -> list[Change]:
    """All entries of the feed after the revision ``since``."""
    found: list[Change] = []
    while True:
        changes = await registry.changes(since, timeout=0)
        assert not changes.lost, f"the feed has lost what is behind {since}"
        if not changes.entries:
            return found
        assert changes.revision == changes.entries[-1].revision
        found.extend(changes.entries)
        since = changes.revision


async def heard(registry: Registry, since: int) -> list[tuple[ChangeKind, str]]:
    """Kind and point of all entries after the revision ``since``."""
    return [(entry.kind, entry.point.text) for entry in await drain(registry, since)]


async def whole(read: Any, limit: int = 7) -> list[Any]:
    """All records of a paged read, ``read(after=..., limit=...)``."""
    found: list[Any] = []
    after: Point | None = None
    while True:
        page: Page = await read(after=after, limit=limit)
        assert len(page.records) <= limit
        found.extend(page.records)
        if page.after is None:
            return found
        assert page.records, "a page that says there is more has something in it"
        assert page.after == page.records[-1].point
        after = page.after


def points_of(records: Iterable[Any]) -> list[str]:
    """The points of ``records``, as text."""
    return [record.point.text for record in records]


async def snapshot(registry: Registry) -> tuple[Any, ...]:
    """Everything that can be read, to show that nothing has changed."""

    def read(after: Point | None, limit: int) -> Awaitable[Page]:
        return registry.select(EVERYTHING, after=after, limit=limit)

    records = await whole(read, limit=500)
    states = [await registry.load_state(record.point) for record in records]
    return records, states, await registry.stars(), await registry.grants(), await registry.revision()
