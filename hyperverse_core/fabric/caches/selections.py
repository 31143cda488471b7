"""Selections: the particles that a selector matches, kept until particles come or go.

Without them, a Ripple to a selector would read the registry each time. Creations and deletions by this machine take
effect immediately, those of others as soon as the change feed reports them.
"""

from __future__ import annotations

import attrs

from ...contracts.registry import Change, ChangeKind, ParticleRegistry
from ...universe.address.point import Point
from ...universe.selectors.selector import Selector

__all__ = ["PAGE", "Chosen", "Selections"]

PAGE = 1000
"""Recipients that are read in one page."""
_KEPT = 64
_KEPT_POINTS = 200_000


@attrs.frozen
class Chosen:
    """Some of the particles that a selector matches.

    Attributes:
        points: their points.
        after: the point after which the others follow; None when there are no others.
    """

    points: tuple[Point, ...]
    after: Point | None = None


class Selections:
    """The recipients of Ripples to selectors."""

    def __init__(self, registry: ParticleRegistry) -> None:
        self._registry = registry
        self._kept: dict[str, Chosen] = {}
        self._points = 0
        self._changes = 0

    def __len__(self) -> int:
        """Number of selectors whose recipients are kept."""
        return len(self._kept)

    async def first(self, selector: Selector, most: int) -> Chosen:
        """Returns the first particles that ``selector`` matches, in the order of their points: all of them, or about
        ``most``. The result is kept if it is complete."""
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
        if after is None and changes == self._changes:  # otherwise a particle came or went during the read
            self._keep(text, chosen)
        return chosen

    async def page(self, selector: Selector, after: Point | None) -> Chosen:
        """Returns the particles of one page. ``after``: the point after which it begins; None for the first page."""
        page = await self._registry.select(selector, after=after, limit=PAGE)
        return Chosen(tuple(record.point for record in page.records), page.after)

    def _keep(self, text: str, chosen: Chosen) -> None:
        if len(self._kept) >= _KEPT or self._points + len(chosen.points) > _KEPT_POINTS:
            self._kept.clear()
            self._points = 0
        self._kept[text] = chosen
        self._points += len(chosen.points)

    def changed(self, change: Change) -> None:
        """Discards all selections when particles have come or gone."""
        if change.kind in (ChangeKind.REGISTERED, ChangeKind.DELETED):
            self.forget()

    def lost(self) -> None:
        """Discards all selections, because anything may have changed."""
        self.forget()

    def forget(self) -> None:
        """Discards all selections, because particles have come or gone."""
        self._changes += 1
        if self._kept:
            self._kept.clear()
            self._points = 0
