"""Selectors: which points are meant (universe 3).

``localhost:app+:**<User>`` reads: the hop ``localhost``, the hop ``app`` at which a path may end (``+``),
then any number of further segments the last of which is a ``User``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import attrs

from ...errors import ParseError
from ..address.point import ROOT, Point
from ..kinds.kind import Kind
from ..text.lexis import fail
from .hop import Hop
from .selector_match import compile_matcher
from .selector_scanner import scan_hops

__all__ = ["Selector", "scan_selector"]


@attrs.frozen(slots=False, cache_hash=True)
class Selector:
    """A pattern of points. The route of a point is not looked at.

    Attributes:
        hops: its steps, root first. None at all is ROOT and nothing else, written ``ROOT``.
        from_root: whether ROOT matches too, written ``+:`` in front.
    """

    hops: tuple[Hop, ...]
    from_root: bool = False

    @classmethod
    def parse(cls, text: str) -> Selector:
        """The selector that ``text`` writes; raises ParseError."""
        return _parse(text) if len(text) <= 512 else _parse.__wrapped__(text)

    @classmethod
    def of(cls, point: Point) -> Selector:
        """The selector that matches ``point`` only; raises ParseError for one with a route of its own."""
        if not point.route.is_local:
            raise ParseError(
                f"no selector can name {point.text!r}", text=point.text, hint="selectors have no route part"
            )
        return cls.parse(point.text)

    def matches(self, point: Point, kinds: Sequence[Kind]) -> bool:
        """Whether ``point`` is meant.

        Args:
            point: what is looked at.
            kinds: the Kind of each of its segments, root first; empty for ROOT.
        """
        # Compiled when it is asked first; from then on the instance has the compiled function in this place.
        matcher = compile_matcher(self.hops, root=self.matches_root)
        self.__dict__["matches"] = matcher
        return matcher(point, kinds)

    def __reduce__(self) -> tuple[Callable[[str], Selector], tuple[str]]:
        return Selector.parse, (str(self),)

    @cached_property
    def matches_root(self) -> bool:
        """Whether ROOT is meant: no hop at all, or one inclusive first hop that admits the Kind Root."""
        if not self.hops:
            return True
        return self.from_root and len(self.hops) == 1 and self.hops[0].kinds.matches(_ROOT_KIND)

    @cached_property
    def query_root(self) -> Point:
        """The deepest point that everything it can match is, or lies below (universe 3.4)."""
        return _query_root(self.hops)

    @property
    def is_exact(self) -> bool:
        """Whether it can match one point at most: every hop is exact."""
        return all(hop.is_exact and not hop.inclusive for hop in self.hops) and not self.from_root

    def __str__(self) -> str:
        if not self.hops:
            return "ROOT"
        parts = ["+:" if self.from_root else ""]
        for i, hop in enumerate(self.hops):
            separated = i > 0 and (not hop.in_filesystem or hop.is_fs_root)
            parts.append(f":{hop}" if separated else str(hop))
        return "".join(parts)


_ROOT_KIND = Kind("Root")


def _query_root(hops: tuple[Hop, ...]) -> Point:
    texts: list[str] = []
    for hop in hops:
        if not hop.is_exact or hop.inclusive:
            break
        texts.append(hop.text if hop.in_filesystem and not hop.is_fs_root else f":{hop.text}")
    while texts:
        try:
            return Point.parse("".join(texts)[1:])
        except ParseError as error:
            # A name that no point can have (`Base`) ends the exact part: nothing can lie below it.
            texts = _before(texts, error.offset + 1)
    return ROOT


def _before(texts: list[str], offset: int) -> list[str]:
    """The leading texts that end at or before ``offset``; at least one fewer than there are."""
    end = 0
    for i, text in enumerate(texts[:-1]):
        end += len(text)
        if end > offset:
            return texts[:i]
    return texts[:-1]


@lru_cache(maxsize=4096)
def _parse(text: str) -> Selector:
    selector, end = scan_selector(text, 0)
    if end < len(text):
        fail(text, end, "the end of the selector")
    return selector


def scan_selector(text: str, pos: int) -> tuple[Selector, int]:
    """The selector at ``pos`` and the offset behind it; raises ParseError.

    It ends at the end of the text, at a blank or at one of ``; , ) } ] " ' = @ ^ % { [``.
    """
    hops, from_root, end = scan_hops(text, pos)
    return Selector(hops, from_root), end
