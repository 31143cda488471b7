"""Selections: which particles a selector means, kept until particles come or go.

A Ripple to a selector would otherwise read the registry each time. What this machine creates or deletes counts at
once; what others do, as soon as the change feed has told it.
"""

from __future__ import annotations

import attrs

from ...contracts.registry import Change, ChangeKind, ParticleRegistry
from ...universe.address.point import Point
from ...universe.selectors.selector import Selector

__all__ = ["PAGE", "Chosen", "Selections"]

PAGE = 1000
"""Recipients that are read at once."""
_KEPT = 64
_KEPT_POINTS = 200_000


@attrs.frozen
class Chosen:
    """Some of the particles that a selector means.

    Attributes:
        points: of these.
        after: behind which point the others are; None when there are no others.
    """

    points: tuple[Point, ...]
    after: Point | None = None


class Selections:
    """The recipients of ripples to selectors."""

    def __init__(self, registry: ParticleRegistry) -> None:
        self._registry = registry
        self._kept: dict[str, Chosen] = {}
        self._points = 0
        self._changes = 0

    def __len__(self) -> int:
        """How many selectors have their recipients kept."""
        return len(self._kept)

    async def first(self, selector: Selector, most: int) -> Chosen:
        """The first particles that ``selector`` matches, in the order of their points: all, or about ``most``. All of
        them are kept."""
        text = str(selector)
        kept = self._kept.get(text)
        if kept is not None:
            return kept
        changes = self._changes
        found: list[Point] = []
        after: Point | None = None
        while True:
            page = await self.page(selector, after)
            found += page.points
            after = page.after
            if after is None or len(found) >= most:
                break
        chosen = Chosen(tuple(found), after)
        if after is None and changes == self._changes:  # else somebody came or went while it was read
            self._keep(text, chosen)
        return chosen

    async def page(self, selector: Selector, after: Point | None) -> Chosen:
        """The particles of one page. ``after``: behind which point it begins; None for the first page."""
        page = await self._registry.select(selector, after=after, limit=PAGE)
        return Chosen(tuple(record.point for record in page.records), page.after)

    def _keep(self, text: str, chosen: Chosen) -> None:
        if len(self._kept) >= _KEPT or self._points + len(chosen.points) > _KEPT_POINTS:
            self._kept.clear()
            self._points = 0
        self._kept[text] = chosen
        self._points += len(chosen.points)

    def changed(self, change: Change) -> None:
        """Forgets when particles have come or gone."""
        if change.kind in (ChangeKind.REGISTERED, ChangeKind.DELETED):
            self.forget()

    def lost(self) -> None:
        """Anything may have changed."""
        self.forget()

    def forget(self) -> None:
        """Particles have come or gone."""
        self._changes += 1
        if self._kept:
            self._kept.clear()
            self._points = 0
