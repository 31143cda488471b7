"""Which particles of a table a selector matches; for registries that look at rows in the order of their points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ...universe.address.point import Point
from ...universe.kinds.kind import Kind
from ...universe.selectors.selector import Selector

__all__ = ["SelectorMatch"]

_MOST_KINDS: Final = 50_000
"""Maximum number of Kinds that are remembered, which bounds the memory of a select over a million particles."""
_UNASKED: Final = (Kind("Base"),)
"""Stands for the Kind of each segment when the selector asks for none: reading them would be half of the work."""


class SelectorMatch:
    """Decides for each particle of a table whether a selector matches it.

    A selector may ask for the Kinds of the particles above, so pass each chunk of rows to :meth:`learn` first, look up
    the points that it returns, and pass the result to :meth:`know`::

        match = SelectorMatch(selector)
        for rows in chunks:
            unknown = match.learn((row.point, row.kind) for row in rows)
            if unknown:
                match.know(kinds_of(unknown))
            found += [row for row in rows if match.matches(Point.parse(row.point))]

    The Kinds on the way to a parent are remembered, because points come in order: without that, a branch of 800 levels
    would cost eighty times as much as 800 siblings.

    Args:
        selector: what to match.
    """

    __slots__ = ("_asks_kinds", "_kinds", "_lines", "_selector", "_size")

    def __init__(self, selector: Selector) -> None:
        self._selector = selector
        self._asks_kinds = any(not hop.kinds.is_any for hop in selector.hops)
        self._kinds: dict[str, Kind] = {}
        self._lines: dict[str, tuple[Kind, ...]] = {}
        self._size = 0

    def learn(self, particles: Iterable[tuple[str, str]]) -> list[str]:
        """Takes the next particles, and returns the points above them whose Kinds it does not know.

        Args:
            particles: point and Kind of each, as texts.
        """
        if not self._asks_kinds:
            return []
        kinds = self._kinds
        if len(kinds) > _MOST_KINDS:
            kinds.clear()
        points = []
        for point, kind in particles:
            kinds[point] = Kind.parse(kind)
            points.append(point)
        unknown: dict[str, None] = {}
        for text in points:
            for above in Point.parse(text).ancestors():
                if above.text in kinds or above.text in unknown:
                    break
                unknown[above.text] = None
        return list(unknown)

    def know(self, particles: Iterable[tuple[str, str]]) -> None:
        """Takes the Kinds that :meth:`learn` did not know.

        Args:
            particles: point and Kind of each, as texts. A particle that is left out was deleted meanwhile.
        """
        self._kinds.update((point, Kind.parse(kind)) for point, kind in particles)

    def matches(self, point: Point) -> bool:
        """Returns whether the selector matches. It does not when a particle above was deleted meanwhile, and this one
        with it.

        Args:
            point: the point of a particle in the last call of :meth:`learn`.
        """
        if not self._asks_kinds:
            return self._selector.matches(point, _UNASKED * point.depth)
        try:
            line = self._line(point)
        except KeyError:
            return False
        return self._selector.matches(point, line)

    def _line(self, point: Point) -> Sequence[Kind]:
        """Returns the Kinds from the first segment to ``point`` itself. Raises KeyError."""
        parent = point.parent
        return () if parent is None else (*self._line_to(parent), self._kinds[point.text])

    def _line_to(self, point: Point) -> tuple[Kind, ...]:
        known = self._lines.get(point.text)
        if known is not None:
            return known
        above: list[Kind] = []
        at: Point | None = point
        while at is not None and not at.is_root and known is None:
            above.append(self._kinds[at.text])
            at = at.parent
            known = None if at is None else self._lines.get(at.text)
        line = (*(known or ()), *reversed(above))
        self._size += len(line)
        if self._size > _MOST_KINDS:
            self._lines.clear()
            self._size = len(line)
        self._lines[point.text] = line
        return line
