"""Hierarchies: points with the Kind of each segment. docs/reference/points.md#hierarchies."""

from __future__ import annotations

import re

import attrs

from ...errors import BadRequest, ParseError
from ..address.point import Point
from ..address.route import THIS, match_route
from ..address.segment import SegmentKind
from ..kinds.kind import Kind, scan_kind
from ..text.lexis import fail
from .selector import Selector

__all__ = ["Hierarchy"]

_SEGMENT = re.compile(r"/|[A-Za-z0-9._-]++/?+")


@attrs.frozen
class Hierarchy:
    """A point whose segments name their Kinds, such as ``localhost<Space>:app<App>``.

    Attributes:
        point: the point.
        kinds: the Kind of each segment, outermost first.

    Raises:
        BadRequest: there is not one Kind for each segment.
    """

    point: Point
    kinds: tuple[Kind, ...]

    def __attrs_post_init__(self) -> None:
        if len(self.kinds) != len(self.point.segments):
            raise BadRequest(
                f"'{self.point}' has {len(self.point.segments)} segments, but {len(self.kinds)} Kinds are given"
            )

    @classmethod
    def parse(cls, text: str) -> Hierarchy:
        """Reads ``text`` as a hierarchy. Raises ParseError."""
        route = match_route(text, 0, variables=False)
        prefixed = route is not None and text.startswith("::", route[1])
        at = route[1] + 2 if route is not None and prefixed else 0
        prefix = route[0].prefix if route is not None and prefixed else THIS.prefix
        if text[at:] == "ROOT":
            return cls(Point.parse(f"{prefix}ROOT"), ())
        kinds: list[Kind] = []
        parts: list[str] = []
        offsets: list[int] = []
        while True:
            offsets.append(at)
            part, kind, at = _scan_segment(text, at)
            parts.append(part)
            kinds.append(kind)
            if at == len(text):
                point = _point(text, prefix, parts, offsets)
                if point.is_root:
                    fail(text, text.index("<", offsets[0]), "the end of the hierarchy", hint="ROOT has no segments")
                return cls(point, tuple(kinds))
            if text[at] == ":":
                parts.append(":")
                offsets.append(at)
                at += 1
            elif "/" not in part:
                fail(text, at, "':'", "the end of the hierarchy")

    def matches(self, selector: Selector) -> bool:
        """Whether ``selector`` matches this point with these Kinds."""
        return selector.matches(self.point, self.kinds)

    def __str__(self) -> str:
        if self.point.is_root:
            return self.point.text
        said = self.point.route.prefix
        for i, (segment, kind) in enumerate(zip(self.point.segments, self.kinds, strict=True)):
            inside = segment.kind in (SegmentKind.DIR, SegmentKind.FILE)
            said += f"{'' if i == 0 or inside else ':'}{segment}<{kind}>"
        return said


def _scan_segment(text: str, at: int) -> tuple[str, Kind, int]:
    segment = _SEGMENT.match(text, at)
    if segment is None:
        fail(text, at, "a segment")
    if not text.startswith("<", segment.end()):
        fail(text, segment.end(), "'<'", hint="each segment names its Kind: localhost<Space>")
    kind, end = scan_kind(text, segment.end() + 1)
    if not text.startswith(">", end):
        fail(text, end, "'>'")
    return segment.group(), kind, end + 1


def _point(text: str, prefix: str, parts: list[str], offsets: list[int]) -> Point:
    """Returns the point that ``parts`` make. Its errors name their place in ``text``."""
    try:
        return Point.parse(prefix + "".join(parts))
    except ParseError as error:
        at = error.offset - len(prefix)
        for part, offset in zip(parts, offsets, strict=True):
            if at < len(part):
                raise ParseError(
                    error.message,
                    text=text,
                    offset=offset + max(at, 0),
                    expected=error.expected,
                    hint=error.hint,
                ) from None
            at -= len(part)
        fail(text, len(text), *error.expected, hint=error.hint)
