"""What the tests of the kit plant, and how they look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
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
    "SPACE",
    "USER",
    "KitBase",
    "at",
    "drain",
    "fold",
    "heard",
    "hosted_at",
    "outcomes",
    "plant",
    "points_of",
    "snapshot",
    "whole",
]

SPACE = Kind("Space")
BASE = Kind("Base")
APP = Kind("App")
USER = Kind("User")
FOLD = StarKey("kit", "fold")
EVERYTHING = Selector.parse("+:**")

at = Point.parse


class KitBase:
    """What a subclass tells the kit.

    Attributes:
        durable: whether what is in the registry outlives a close, and the same store can be opened twice. If so,
            :meth:`open_again` has to be there.
        feed_keeps: how many entries of the change feed the fixture's registry keeps, when that is few enough to
            write more of them (some thousands); None leaves out the tests of a feed that has lost entries.
    """

    durable: ClassVar[bool] = True
    feed_keeps: ClassVar[int | None] = None

    async def open_again(self, registry: Registry) -> Registry:
        """Opens the store of ``registry`` once more, as another process would. The test closes it."""
        raise NotImplementedError(f"{type(self).__name__} is durable and has to say how to open {registry!r} again")


async def plant(registry: Registry, *plants: str, owner: Point = HYPERUSER) -> None:
    """Registers ``"localhost<Space>"``, one after another; a point without a Kind becomes a Base."""
    for text in plants:
        point, opened, kind = text.partition("<") if not text.startswith("<<") else _star_plant(text)
        what = Kind.parse(kind[:-1]) if opened else BASE
        await registry.register(Registration(at(point), what, owner))


def _star_plant(text: str) -> tuple[str, str, str]:
    """As `str.partition`, for a point in a star's own space, which begins with angles itself."""
    route, _, rest = text.partition(">>")
    point, opened, kind = rest.partition("<")
    return f"{route}>>{point}", opened, kind


def fold(key: StarKey = FOLD, *, machine: str = "kit", **values: Any) -> StarRecord:
    """A star to announce."""
    return StarRecord(key, "Fold", machine, **values)


async def hosted_at(registry: Registry, point: Point, star: StarRecord) -> Assignment:
    """Assigns ``point`` to the announced ``star``, from wherever it is."""
    present = (await registry.record(point)).assignment
    return (await registry.assign(point, star.key, star.incarnation, present)).assignment


async def outcomes(acts: Iterable[Awaitable[Any]]) -> list[Any]:
    """What becomes of ``acts``, all at once: results, and errors in their place."""
    return await asyncio.gather(*acts, return_exceptions=True)


async def drain(registry: Registry, since: int = 0) -> list[Change]:
    """Everything in the feed behind ``since``."""
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
    """What the feed says behind ``since``, without the revisions."""
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
    """Their points, as text."""
    return [record.point.text for record in records]


async def snapshot(registry: Registry) -> tuple[Any, ...]:
    """All that can be seen, to find out that nothing has changed."""

    def read(after: Point | None, limit: int) -> Awaitable[Page]:
        return registry.select(EVERYTHING, after=after, limit=limit)

    records = await whole(read, limit=500)
    states = [await registry.load_state(record.point) for record in records]
    return records, states, await registry.stars(), await registry.grants(), await registry.revision()
