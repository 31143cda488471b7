"""Points: the addresses of particles. docs/reference/points.md.

A point is a route and a path of segments, ``GLOBAL::repo:1.0.0:/bind/star.bind``.

Waves, matching and registries use points all the time, so points are optimised for speed. They are interned: while a
text is remembered, parsing it returns the same object. A point is created with its text only; route, segments and
parent are computed at their first use and kept.

Properties compute them, not a method ``__getattr__``: in a class that has one, Python 3.11 looks up every attribute the
slow way. The text of a point is read several times for each wave. Each read took 24 ns with ``__getattr__`` and takes 2
ns without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...errors import NotFound, ParseError
from ..text.lexis import fail
from .address import Form, fail_behind, scan_address
from .point_shape import LONGEST_REMEMBERED, find_unusual, is_usual
from .route import THIS, Route, RouteKind
from .segment import Segment, SegmentKind
from .star_key import StarKey

__all__ = [
    "ANONYMOUS",
    "GLOBAL_EXECUTOR",
    "GLOBAL_MACHINE",
    "HYPERUSER",
    "ROOT",
    "Point",
    "Route",
    "RouteKind",
    "Segment",
    "SegmentKind",
    "scan_point",
    "seen_points",
]

_REMEMBERED = 65_536
"""Number of points that are remembered."""
seen_points: dict[str, Point] = {}
"""Points by text, oldest first."""


class Point:
    """The address of a particle. A point never changes; points with equal texts are equal.

    Attributes:
        text: the point as printed; `Point.parse` reads it.
        route: the part before ``::``.
        segments: the parts of the path, outermost first; none for ROOT.
        parent: the point without its last segment; None for ROOT and for the ROOT of a route.
        is_root: whether there are no segments.
        body_start: the offset in ``text`` after the route.

    Example:
        >>> point = Point.parse("localhost:users:scott")
        >>> str(point.parent), point.name
        ('localhost:users', 'scott')
    """

    # One slot for each derived value that waves, matching and registries use. Values that are seldom used are
    # properties without a slot, because memory is a large part of the cost of a new point.
    __slots__ = ("_body_start", "_is_root", "_parent", "_route", "_segments", "text")

    text: str
    _route: Route
    _segments: tuple[Segment, ...]
    _parent: Point | None
    _is_root: bool
    _body_start: int

    @staticmethod
    def parse(text: str) -> Point:
        """Reads ``text`` as a point.

        Raises:
            ParseError: the text is not an absolute point, or does not end with one.
        """
        # This repeats `_known` to avoid the call, because each wave that arrives may bring a new point. A remembered
        # point costs one look-up; a new one costs one regular expression that builds no match.
        point = seen_points.get(text)
        if point is None:
            if find_unusual(text) is not None:
                return _parse_slowly(text)
            point = Point()
            point.text = text
            if "::" not in text:  # see `_known`
                point._body_start, point._route = 0, THIS
            if len(seen_points) >= _REMEMBERED:
                _make_room()
            seen_points[text] = point
        return point

    @staticmethod
    def of_star(key: StarKey) -> Point:
        """Returns the address of the star with the key ``key``: ``<<STAR::central:fold[0]>>::star``."""
        return Point.parse(f"<<{key}>>::star")

    @property
    def route(self) -> Route:
        """The part before ``::``."""
        try:
            return self._route
        except AttributeError:
            self._route = _route(self)
            return self._route

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The parts of the path, outermost first; none for ROOT."""
        try:
            return self._segments
        except AttributeError:
            self._segments = _segments(self)
            return self._segments

    @property
    def parent(self) -> Point | None:
        """The point without its last segment; None for ROOT and for the ROOT of a route."""
        try:
            return self._parent
        except AttributeError:
            self._parent = _parent(self)
            return self._parent

    @property
    def is_root(self) -> bool:
        """Whether there are no segments."""
        try:
            return self._is_root
        except AttributeError:
            self._is_root = _is_root(self)
            return self._is_root

    @property
    def body_start(self) -> int:
        """The offset in ``text`` after the route."""
        try:
            return self._body_start
        except AttributeError:
            self._body_start = _body_start(self)
            return self._body_start

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
        """Returns the point that is ``text``, one segment or several, below this one. It has the same route.

        The separator is added: ``:`` after a space, a base or a version, and none inside a filesystem.

        Raises:
            ParseError: the result is not a point, or is not below this one. A file has no children.
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
        """Yields the points above this one, nearest first. The last one is the ROOT of its route."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def is_ancestor_of(self, other: Point) -> bool:
        """Whether ``other`` is below this point, at any depth, on the same route. A point is not below itself."""
        mine, theirs = self.text, other.text
        if self.is_root:
            return not other.is_root and self.route == other.route
        if len(theirs) <= len(mine) or not theirs.startswith(mine):
            return False
        # "a" is not above "a::b": there "a" is the route.
        return mine[-1] == "/" or (theirs[len(mine)] == ":" and not theirs.startswith("::", len(mine)))

    def is_parent_of(self, other: Point) -> bool:
        """Whether ``other`` is this point or is below it."""
        return self == other or self.is_ancestor_of(other)

    def truncate(self, kind: SegmentKind) -> Point:
        """Returns this point up to its first segment of ``kind``. Raises NotFound if there is none."""
        for point in (*reversed(tuple(self.ancestors())), self):
            if point.segments and point.segments[-1].kind is kind:
                return point
        raise NotFound(f"point {self.text!r} has no {kind.value} segment")

    @property
    def name(self) -> str:
        """The text of the last segment; empty for ROOT."""
        text, start = self.text, self.body_start
        if text[start:] == "ROOT":
            return ""
        if ":/" in text[start:]:
            return self.segments[-1].text
        return text[max(text.rfind(":") + 1, start) :]

    @property
    def depth(self) -> int:
        """The number of segments."""
        # Most points are outside of a filesystem: counting their separators is enough, and makes no segments.
        text, start = self.text, self.body_start
        if ":/" in text or text[start:] == "ROOT":
            return len(self.segments)
        return text.count(":", start) + 1

    @property
    def star_key(self) -> StarKey | None:
        """The key of the star in whose address space this point is; None if it is in no star's."""
        if self.route.kind is not RouteKind.STAR:
            return None
        try:
            return StarKey.parse(self.route.name)
        except ParseError:
            return None

    @property
    def has_bundle(self) -> bool:
        """Whether this point is a bundle or inside one: whether it has a version."""
        return any(segment.kind is SegmentKind.VERSION for segment in self.segments)

    def to_bundle(self) -> Point:
        """Returns the bundle that this point is or is inside of. Raises NotFound if there is none."""
        if not self.has_bundle:
            raise NotFound(
                f"point {self.text!r} is not in a bundle", hint="a bundle has a version: localhost:repo:my:1.0.0"
            )
        return self.truncate(SegmentKind.VERSION)

    @property
    def is_artifact(self) -> bool:
        """Whether this point is a file in a bundle."""
        return self.has_bundle and self.segments[-1].kind is SegmentKind.FILE

    @property
    def filepath(self) -> str | None:
        """The path inside its filesystem, which starts with ``/``; None if the point is not in a filesystem."""
        cut = self.text.find(":/", self.body_start)
        return None if cut < 0 else self.text[cut + 1 :]


def _parse_slowly(text: str) -> Point:
    if len(text) > LONGEST_REMEMBERED and is_usual(text) is not None:
        return _known(text)
    address, end = scan_address(text, 0, Form.ABSOLUTE)
    if end < len(text):
        fail_behind(text, end)
    return _known(address.text)


def _make_room() -> None:
    """Forgets the oldest quarter of the points. A point that is in use is soon remembered again.

    A cache that tracks use would have to write at each look-up; this one only reads.
    """
    for old in list(seen_points)[: _REMEMBERED // 4]:
        seen_points.pop(old, None)


def _known(text: str) -> Point:
    """Returns the point with the text ``text``, which the caller knows to be a point as printed."""
    point = seen_points.get(text)
    if point is None:
        point = Point()
        point.text = text
        # Nearly every point has no route, and its route is asked for soon. An attribute that is not set yet costs an
        # exception at its first use.
        if "::" not in text:
            point._body_start, point._route = 0, THIS
        if len(text) <= LONGEST_REMEMBERED:
            if len(seen_points) >= _REMEMBERED:
                _make_room()
            seen_points[text] = point
    return point


def scan_point(text: str, pos: int) -> tuple[Point, int]:
    """Reads the absolute point at ``pos``; returns it and the offset after it. Raises ParseError."""
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
    text, start = point.text, point.body_start
    if text[start:] == "ROOT":
        return None
    if text.endswith(":/"):
        return _known(text[:-2])
    if ":/" in text[start:]:
        return _known(text[: text.rfind("/", 0, len(text) - 1) + 1])
    cut = text.rfind(":", start)
    return _known(text[:start] + "ROOT" if cut < 0 else text[:cut])


ROOT = Point.parse("ROOT")
"""The root of the tree."""
GLOBAL_EXECUTOR = Point.parse("GLOBAL::executor")
"""The particle that executes commands."""
GLOBAL_MACHINE = Point.parse("GLOBAL::machine")
"""The particle of the machine that a client is connected to."""
HYPERUSER = Point.parse("hyperspace:users:hyperuser")
"""The agent that may do everything. It needs no record in the registry."""
ANONYMOUS = Point.parse("hyperspace:users:anonymous")
"""The agent of clients that present no credentials."""
