"""Selectors: patterns of points and Kinds. docs/reference/selectors.md.

``localhost:app+:**<User>`` has three hops: ``localhost``; ``app``, at which a point may end (``+``); and one segment or
more, the last of which is a ``User``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import attrs

from ...errors import ParseError
from ..address.point import ROOT, Point
from ..address.route import THIS, Route, RouteKind, match_route
from ..kinds.kind import Kind
from ..text.lexis import fail
from .hop import Hop
from .selector_match import compile_matcher
from .selector_scanner import scan_hops

__all__ = ["Selector", "scan_selector"]


@attrs.frozen(slots=False, cache_hash=True)
class Selector:
    """A pattern of points, and of the Kinds of their segments. Without a route it ignores that of a point.

    Attributes:
        hops: the parts of the pattern, outermost first. Without hops the selector matches ROOT only.
        from_root: whether it matches ROOT too, written ``+:`` in front.
        route: the route that a point must have. Only the selectors of grants and scopes have one, for one particle of
            the platform.

    Example:
        >>> selector = Selector.parse("localhost:**<User>")
        >>> selector.matches(Point.parse("localhost:scott"), [Kind("Space"), Kind("User")])
        True
    """

    hops: tuple[Hop, ...]
    from_root: bool = False
    route: Route = THIS

    @classmethod
    def parse(cls, text: str, *, routes: bool = False) -> Selector:
        """Reads ``text`` as a selector. Raises ParseError.

        Args:
            text: the selector.
            routes: whether it may name a particle of the platform, as in a grant: ``GLOBAL::machine``.
        """
        return _parse(text, routes) if len(text) <= 512 else _parse.__wrapped__(text, routes)

    @classmethod
    def of(cls, point: Point) -> Selector:
        """Returns the selector that matches ``point`` only. Raises ParseError if the point has a route."""
        if not point.route.is_local:
            raise ParseError(
                f"no selector can name {point.text!r}", text=point.text, hint="selectors have no route part"
            )
        return cls.parse(point.text)

    def matches(self, point: Point, kinds: Sequence[Kind]) -> bool:
        """Whether ``point`` matches.

        Args:
            point: the point.
            kinds: the Kind of each of its segments, outermost first; empty for ROOT.
        """
        # This method runs once. It compiles the hops and stores the compiled function in the instance under the name of
        # this method, so that each later call goes straight to the function: that saves one call and one test of a flag
        # for each match.
        matcher = compile_matcher(self.hops, root=self.matches_root)
        if not self.route.is_local:
            matcher = _on_route(self.route, matcher)
        self.__dict__["matches"] = matcher
        return matcher(point, kinds)

    def __reduce__(self) -> tuple[Callable[[str, bool], Selector], tuple[str, bool]]:
        return _parse, (str(self), True)

    @cached_property
    def matches_root(self) -> bool:
        """Whether ROOT matches: there is no hop, or ``+:`` and one hop that takes the Kind Root."""
        if not self.hops:
            return True
        return self.from_root and len(self.hops) == 1 and self.hops[0].kinds.matches(_ROOT_KIND)

    @cached_property
    def query_root(self) -> Point:
        """The deepest point that is, or is above, every point that can match.

        It consists of the exact hops at the start that are not inclusive. A registry looks below it only.
        """
        return _query_root(self.hops, self.route)

    @cached_property
    def anchor(self) -> Point:
        """The deepest point that every point that can match is, or is below. The query root, or the point of the exact
        inclusive hop after it: ``localhost:app`` for ``localhost:app+:**``, whose query root is ``localhost``."""
        if self.from_root:
            return ROOT
        return _query_root(self.hops, self.route, with_inclusive=True)

    @property
    def is_exact(self) -> bool:
        """Whether it matches one point at most: every hop is exact, and a point may end at the last one only."""
        return all(hop.is_exact and not hop.inclusive for hop in self.hops) and not self.from_root

    @property
    def only_point(self) -> Point | None:
        """The only point that can match; None if several can, or none."""
        root = self.query_root
        return root if self.is_exact and len(root.segments) == len(self.hops) else None

    def __str__(self) -> str:
        if not self.hops:
            return "ROOT"
        parts = ["+:" if self.from_root else self.route.prefix]
        for i, hop in enumerate(self.hops):
            separated = i > 0 and (not hop.in_filesystem or hop.is_fs_root)
            parts.append(f":{hop}" if separated else str(hop))
        return "".join(parts)


_ROOT_KIND = Kind("Root")


def _on_route(
    route: Route, matcher: Callable[[Point, Sequence[Kind]], bool]
) -> Callable[[Point, Sequence[Kind]], bool]:
    """``matcher``, for points on one route only."""
    return lambda point, kinds: point.route == route and matcher(point, kinds)


def _query_root(hops: tuple[Hop, ...], route: Route, *, with_inclusive: bool = False) -> Point:
    texts: list[str] = []
    for hop in hops:
        if not hop.is_exact or (hop.inclusive and not with_inclusive):
            break
        texts.append(hop.text if hop.in_filesystem and not hop.is_fs_root else f":{hop.text}")
        if hop.inclusive:
            break
    while texts:
        try:
            return Point.parse(route.prefix + "".join(texts)[1:])
        except ParseError as error:
            # A name that no segment can have (such as `Base`) ends the exact part, because nothing can be below it.
            texts = _before(texts, error.offset + 1)
    return ROOT


def _before(texts: list[str], offset: int) -> list[str]:
    """Returns the leading texts that end at or before ``offset``, never including the last one."""
    end = 0
    for i, text in enumerate(texts[:-1]):
        end += len(text)
        if end > offset:
            return texts[:i]
    return texts[:-1]


@lru_cache(maxsize=4096)
def _parse(text: str, routes: bool) -> Selector:
    selector, end = scan_selector(text, 0, routes=routes)
    if end < len(text):
        fail(text, end, "the end of the selector")
    return selector


def scan_selector(text: str, pos: int, *, routes: bool = False) -> tuple[Selector, int]:
    """Reads the selector at ``pos``; returns it and the offset after it. Raises ParseError.

    A selector ends at the end of the text, at a blank or at one of ``; , ) } ] " ' = @ ^ % { [``.
    """
    if routes:
        found = match_route(text, pos, variables=False)
        if found is not None and found[0].kind in _PLATFORM and text.startswith("::", found[1]):
            return _scan_platform(text, found[0], found[1] + 2)
    hops, from_root, end = scan_hops(text, pos)
    return Selector(hops, from_root), end


def _scan_platform(text: str, route: Route, pos: int) -> tuple[Selector, int]:
    """Reads what is after a route: one particle of the platform, without patterns and Kinds."""
    hops, from_root, end = scan_hops(text, pos)
    selector = Selector(hops, from_root, route)
    if not hops or not selector.is_exact or any(not hop.kinds.is_any for hop in hops):
        fail(text, pos, "the name of one particle", hint="after a route, a selector has no '*', no '+' and no Kind")
    return selector, end


_PLATFORM = frozenset({RouteKind.GLOBAL, RouteKind.STAR})
"""Routes of the platform's own particles."""
