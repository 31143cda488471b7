"""Selections: which particles a selector means, kept until particles come or go.

A Ripple to a selector would otherwise read the registry each time. What this machine creates or deletes counts at
once; what others do, as soon as the change feed has told it.
"""

from __future__ import annotations

from ...contracts.registry import Change, ChangeKind, Registry
from ...universe.address.point import Point
from ...universe.selectors.selector import Selector

__all__ = ["Selections"]

_PAGE = 1000
_KEPT = 64
_KEPT_POINTS = 200_000


class Selections:
    """The recipients of ripples to selectors."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._kept: dict[str, tuple[Point, ...]] = {}
        self._points = 0
        self._changes = 0

    def __len__(self) -> int:
        """How many selectors have their recipients kept."""
        return len(self._kept)

    async def points(self, selector: Selector) -> tuple[Point, ...]:
        """The points of all particles that ``selector`` matches, in their order."""
        text = str(selector)
        kept = self._kept.get(text)
        if kept is not None:
            return kept
        changes = self._changes
        found: list[Point] = []
        after: Point | None = None
        while True:
            page = await self._registry.select(selector, after=after, limit=_PAGE)
            found += [record.point for record in page.records]
            after = page.after
            if after is None:
                break
        points = tuple(found)
        if changes == self._changes:  # else somebody came or went while it was read
            self._keep(text, points)
        return points

    def _keep(self, text: str, points: tuple[Point, ...]) -> None:
        if len(self._kept) >= _KEPT or self._points + len(points) > _KEPT_POINTS:
            self._kept.clear()
            self._points = 0
        if len(points) <= _KEPT_POINTS:
            self._kept[text] = points
            self._points += len(points)

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
