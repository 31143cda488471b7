"""Which registered particles a selector of a grant matches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from hyperverse_core.errors import NotFound, did_you_mean
from hyperverse_core.policy import PolicyView
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import Kind, Point, Selector

from .gathered import BUILT_IN, Gathered, path_of

__all__ = ["check_named", "kinds_of", "matched", "pages_of"]

_PAGE = 100
"""Records that are read and looked at before others get their turn."""


async def pages_of(view: PolicyView, selector: Selector) -> AsyncIterator[Sequence[ParticleRecord]]:
    """Yields every registered particle that ``selector`` matches, some at a time. Raises Unavailable."""
    after: Point | None = None
    while True:
        page = await view.registry.select(selector, after=after, limit=_PAGE)
        if page.records:
            yield page.records
        after = page.after
        if after is None:
            return
        await asyncio.sleep(0)  # a page that needed no waiting gives others their turn too


async def matched(view: PolicyView, selector: Selector, limit: int) -> tuple[list[ParticleRecord], bool]:
    """Returns the particles that ``selector`` matches, at most ``limit``, and whether these are all."""
    found: list[ParticleRecord] = []
    async for records in pages_of(view, selector):
        found += records
        if len(found) > limit:
            return found[:limit], False
    return found, True


async def kinds_of(view: PolicyView, points: Sequence[Point]) -> dict[Point, Sequence[Kind]]:
    """Returns the Kind of each segment of each of ``points``; nothing for one that is not registered."""
    steps = dict.fromkeys(step for point in points for step in path_of(point))
    records = await view.records(tuple(steps))
    kinds = {step: record.kind for step, record in records.items()}
    return {point: Gathered.kinds_among(kinds, point) for point in points}


async def check_named(view: PolicyView, selector: Selector) -> None:
    """Raises NotFound when the point that ``selector`` begins with is not registered: it is misspelt, or it is gone."""
    root = selector.anchor
    if root.is_root or root in BUILT_IN or root in await view.records((root,)):
        return
    near = ""
    if root.parent is not None:
        page = await view.registry.children(root.parent, limit=200)
        near = did_you_mean(root.text, [record.point.text for record in page.records]).removeprefix("; ")
    raise NotFound(f"no particle {root.text!r}, with which the selector {str(selector)!r} begins", hint=near)
