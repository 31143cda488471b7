"""Finds the registered particles that a selector of a grant matches."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence

from hyperverse_core.errors import NotFound, did_you_mean
from hyperverse_core.policy import PolicyView
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import HYPERUSER, Kind, Point, Selector

from .gathered import BUILT_IN, Gathered, path_of

__all__ = ["check_named", "kinds_of", "matched", "pages_of", "platform_record"]

_GLOBALS = ("machine", "executor", "users")
_PAGE = 100
"""Number of records that are read and checked before other tasks get a turn."""


async def pages_of(view: PolicyView, selector: Selector) -> AsyncIterator[Sequence[ParticleRecord]]:
    """Yields every particle that ``selector`` matches, some at a time. Raises Unavailable."""
    if not selector.route.is_local:
        own = platform_record(selector.query_root)
        if own is not None:
            yield (own,)
        return
    after: Point | None = None
    while True:
        page = await view.registry.select(selector, after=after, limit=_PAGE)
        if page.records:
            yield page.records
        after = page.after
        if after is None:
            return
        await asyncio.sleep(0)  # a page that needed no waiting gives other tasks a turn too


def platform_record(point: Point) -> ParticleRecord | None:
    """The record of a particle of the platform, which has none in the registry; None for any other point."""
    if point.route.is_local or (point.star_key is not None and point != Point.of_star(point.star_key)):
        return None
    return ParticleRecord(point, Kind("Global" if point.star_key is None else "Star"), HYPERUSER)


async def _check_of_the_platform(view: PolicyView, point: Point) -> None:
    """Raises NotFound when the platform has no such particle."""
    star = point.star_key
    if star is None:
        known = [f"GLOBAL::{name}" for name in _GLOBALS]
    else:
        known = [Point.of_star(record.key).text for record in await view.registry.stars()]
    if point.text not in known:
        near = did_you_mean(point.text, known).removeprefix("; ")
        raise NotFound(f"the platform has no particle {point.text!r}", hint=near or f"it has: {', '.join(known)}")


async def matched(
    view: PolicyView, selector: Selector, limit: int, until: float = math.inf
) -> tuple[list[ParticleRecord], bool]:
    """Returns the particles that ``selector`` matches, at most ``limit``, and whether these are all. ``until``: time of
    the event loop after which the search stops."""
    found: list[ParticleRecord] = []
    late = False
    async for records in pages_of(view, selector):
        found += records
        if late or len(found) > limit:
            return found[:limit], False
        late = asyncio.get_running_loop().time() > until
    return found, True


async def kinds_of(view: PolicyView, points: Sequence[Point]) -> dict[Point, Sequence[Kind]]:
    """Returns the Kind of each segment of each of ``points``; nothing for one that is not registered."""
    steps = dict.fromkeys(step for point in points for step in path_of(point))
    records = await view.records(tuple(steps))
    kinds = {step: record.kind for step, record in records.items()}
    return {point: Gathered.kinds_among(kinds, point) for point in points}


async def check_named(view: PolicyView, selector: Selector) -> None:
    """Raises NotFound when the point that ``selector`` begins with is not registered: it is misspelt, or was
    deleted."""
    root = selector.anchor
    if not selector.route.is_local:
        await _check_of_the_platform(view, root)
        return
    if root.is_root or root in BUILT_IN or root in await view.records((root,)):
        return
    near = ""
    if root.parent is not None:
        page = await view.registry.children(root.parent, limit=200)
        near = did_you_mean(root.text, [record.point.text for record in page.records]).removeprefix("; ")
    raise NotFound(f"no particle {root.text!r}, with which the selector {str(selector)!r} begins", hint=near)
