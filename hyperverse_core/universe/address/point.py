"""Points: where a particle is.

A point is a route and a path of segments, ``GLOBAL::repo:1.0.0:/bind/star.bind``. Points are interned: the
same text gives the same object as long as it is remembered, and what is derived from it is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...errors import NotFound, ParseError
from ..text.lexis import fail
from .address import Form, scan_address
from .point_shape import LONGEST_REMEMBERED, find_unusual, is_usual
from .route import THIS, Route, RouteKind
from .segment import Segment, SegmentKind
from .star_key import StarKey

__all__ = [
    "ANONYMOUS",
    "GLOBAL_EXECUTOR",
    "HYPERUSER",
    "ROOT",
    "Point",
    "Route",
    "RouteKind",
    "Segment",
    "SegmentKind",
    "scan_point",
]

_REMEMBERED = 65_536
_seen: dict[str, Point] = {}


class Point:
    """The address of a particle. It does not change; equal texts are equal points.

    Attributes:
        text: as printed; `Point.parse` of it gives the point back.
        route: the part before ``::``.
        segments: the steps, root first; none for ROOT.
        parent: the point without its last segment; None for ROOT and for a route's ROOT.
        is_root: whether it has no segments.
        body_start: the offset in ``text`` behind the route.
    """

    # Only what waves, matching and registries ask for is kept: a new point's memory is a good part of its price.
    __slots__ = ("body_start", "is_root", "parent", "route", "segments", "text")

    text: str
    route: Route
    segments: tuple[Segment, ...]
    parent: Point | None
    is_root: bool
    body_start: int

    @staticmethod
    def parse(text: str) -> Point:
        """The point that ``text`` writes.

        Raises:
            ParseError: the text is no absolute point, or has something behind it (universe 1.2).
        """
        # Written out here instead of calling `_known`: each wave that comes in may bring a new one.
        point = _seen.get(text)
        if point is None:
            if find_unusual(text) is not None:
                return _parse_slowly(text)
            point = Point()
            point.text = text
            if len(_seen) >= _REMEMBERED:
                _make_room()
            _seen[text] = point
        return point

    @staticmethod
    def of_star(key: StarKey) -> Point:
        """The address of the star with that key, ``<<STAR::...>>::star``."""
        return Point.parse(f"<<{key}>>::star")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """What is derived from the text is computed when it is asked for first, and kept."""
            derive = _DERIVED.get(name)
            if derive is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            value = derive(self)
            setattr(self, name, value)
            return value

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Point({self.text!r})"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return self.text == other.text if isinstance(other, Point) else NotImplemented

    def __lt__(self, other: Point) -> bool:
        return self.text < other.text

    def __reduce__(self) -> tuple[Callable[[str], Point], tuple[str]]:
        return Point.parse, (self.text,)

    def child(self, text: str) -> Point:
        """The point that lies ``text`` below this one; ``text`` may be several segments.

        The separator is put in: ``:`` behind a space, a base or a version, nothing inside a filesystem
        (universe 1.10). The route stays.

        Raises:
            ParseError: it is no point, or would not lie below this one; a file has no children.
        """
        joined = self._joined(text)
        point = Point.parse(joined)
        if not self.is_ancestor_of(point):
            fail(joined, len(self.text), f"a segment below {self.text!r}")
        return point

    def _joined(self, text: str) -> str:
        if self.is_root:
            return self.route.prefix + text
        kind = self.segments[-1].kind
        if kind is SegmentKind.FILE:
            fail(self.text + text, len(self.text), "the end of the point", hint="a file has no children")
        if kind.is_filesystem or text.startswith(":/"):
            return self.text + text
        return f"{self.text}:{text}"

    def ancestors(self) -> Iterator[Point]:
        """The points above this one, nearest first, up to and including the ROOT of its route."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def is_ancestor_of(self, other: Point) -> bool:
        """Whether ``other`` lies below this point, at any depth, on the same route. Not of itself."""
        mine, theirs = self.text, other.text
        if self.is_root:
            return not other.is_root and self.route == other.route
        if len(theirs) <= len(mine) or not theirs.startswith(mine):
            return False
        # "a" is not above "a::b": there it is the route.
        return mine[-1] == "/" or (theirs[len(mine)] == ":" and not theirs.startswith("::", len(mine)))

    def is_parent_of(self, other: Point) -> bool:
        """Whether ``other`` is this point or lies below it (universe 1.10)."""
        return self == other or self.is_ancestor_of(other)

    def truncate(self, kind: SegmentKind) -> Point:
        """This point up to its first segment of ``kind``; raises NotFound when it has none."""
        for point in (*reversed(tuple(self.ancestors())), self):
            if point.segments and point.segments[-1].kind is kind:
                return point
        raise NotFound(f"point {self.text!r} has no {kind.value} segment")

    @property
    def name(self) -> str:
        """The text of the last segment; empty for ROOT."""
        if self.is_root:
            return ""
        if ":/" in self.text[self.body_start :]:
            return self.segments[-1].text
        return self.text[max(self.text.rfind(":") + 1, self.body_start) :]

    @property
    def star_key(self) -> StarKey | None:
        """The key of the star whose address space this is, or None."""
        if self.route.kind is not RouteKind.STAR:
            return None
        try:
            return StarKey.parse(self.route.name)
        except ParseError:
            return None

    @property
    def has_bundle(self) -> bool:
        """Whether it is a bundle or lies in one: whether it has a version."""
        return any(segment.kind is SegmentKind.VERSION for segment in self.segments)

    def to_bundle(self) -> Point:
        """The bundle that it is or lies in; raises NotFound when it does not."""
        if not self.has_bundle:
            raise NotFound(f"point {self.text!r} lies in no bundle", hint="a bundle has a version: repo:my:1.0.0")
        return self.truncate(SegmentKind.VERSION)

    @property
    def is_artifact(self) -> bool:
        """Whether it is a file of a bundle."""
        return self.has_bundle and self.segments[-1].kind is SegmentKind.FILE

    @property
    def is_artifact_bundle(self) -> bool:
        """Whether it is a bundle itself."""
        return bool(self.segments) and self.segments[-1].kind is SegmentKind.VERSION

    @property
    def filepath(self) -> str | None:
        """``/``, the directories and the file inside its filesystem; None when it is in none."""
        cut = self.text.find(":/", self.body_start)
        return None if cut < 0 else self.text[cut + 1 :]


def _parse_slowly(text: str) -> Point:
    if len(text) > LONGEST_REMEMBERED and is_usual(text) is not None:
        return _known(text)
    address, end = scan_address(text, 0, Form.ABSOLUTE)
    if end < len(text):
        fail(text, end, "the end of the point")
    return _known(address.text)


def _make_room() -> None:
    """The oldest are forgotten: what is in use is soon remembered again."""
    for old in list(_seen)[: _REMEMBERED // 4]:
        _seen.pop(old, None)


def _known(text: str) -> Point:
    """The point of a text that is known to be one, as printed."""
    point = _seen.get(text)
    if point is None:
        point = Point()
        point.text = text
        if len(text) <= LONGEST_REMEMBERED:
            if len(_seen) >= _REMEMBERED:
                _make_room()
            _seen[text] = point
    return point


def scan_point(text: str, pos: int) -> tuple[Point, int]:
    """The absolute point at ``pos`` and the offset behind it, for grammars that embed points; raises
    ParseError."""
    address, end = scan_address(text, pos, Form.ABSOLUTE)
    return _known(address.text), end


def _body_start(point: Point) -> int:
    return point.text.rfind("::") + 2 if "::" in point.text else 0


def _route(point: Point) -> Route:
    return Route.parse(point.text[: point.body_start - 2]) if point.body_start else THIS


def _is_root(point: Point) -> bool:
    return point.text.endswith("ROOT") and len(point.text) == point.body_start + 4


def _segments(point: Point) -> tuple[Segment, ...]:
    if point.is_root:
        return ()
    mesh, root, files = point.text[point.body_start :].partition(":/")
    names = mesh.split(":")
    found = [Segment(SegmentKind.SPACE, names[0])]
    for name in names[1:]:
        found.append(Segment(SegmentKind.VERSION if name[0].isdigit() else SegmentKind.BASE, name))
    if root:
        found.append(Segment(SegmentKind.FS_ROOT, "/"))
        *dirs, file = files.split("/")
        found.extend(Segment(SegmentKind.DIR, f"{name}/") for name in dirs)
        if file:
            found.append(Segment(SegmentKind.FILE, file))
    return tuple(found)


def _parent(point: Point) -> Point | None:
    if point.is_root:
        return None
    text, start = point.text, point.body_start
    if text.endswith(":/"):
        return _known(text[:-2])
    if ":/" in text[start:]:
        return _known(text[: text.rfind("/", 0, len(text) - 1) + 1])
    cut = text.rfind(":", start)
    return _known(text[:start] + "ROOT" if cut < 0 else text[:cut])


_DERIVED: dict[str, Callable[[Point], Any]] = {
    "body_start": _body_start,
    "is_root": _is_root,
    "parent": _parent,
    "route": _route,
    "segments": _segments,
}

ROOT = Point.parse("ROOT")
"""The root of the tree."""
GLOBAL_EXECUTOR = Point.parse("GLOBAL::executor")
"""The particle that carries out commands."""
HYPERUSER = Point.parse("hyperspace:users:hyperuser")
"""The agent that may do everything. It needs no record in the registry."""
ANONYMOUS = Point.parse("hyperspace:users:anonymous")
"""The agent of clients that show no credentials."""
