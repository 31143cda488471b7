"""Templates of points to create: docs/reference/points.md#templates."""

from __future__ import annotations

import attrs

from ...errors import BadRequest, ParseError
from ..text.lexis import fail
from .address import Form, fail_behind, scan_address
from .env import Env
from .point import Point
from .point_shape import find_unusual
from .segment import SegmentKind
from .template import PointVar

__all__ = ["PointTemplate", "ResolvedTemplate", "scan_point_template"]

_NUMBER = "%"


@attrs.frozen
class ResolvedTemplate:
    """The place of a particle to create.

    Attributes:
        parent: the parent of the particle.
        child: the last segment. Each ``%`` in it stands for the parent's next sequence number.
    """

    parent: Point
    child: str
    _whole: Point | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, point: Point) -> ResolvedTemplate:
        """Returns the place of the point ``point``. Raises BadRequest for ROOT, which always exists."""
        if point.parent is None:
            raise BadRequest(f"'{point}' always exists and cannot be created")
        return cls(point.parent, point.name, point)

    @property
    def is_pattern(self) -> bool:
        """Whether the point contains a sequence number."""
        return _NUMBER in self.child

    def point(self, number: int | None = None) -> Point:
        """Returns the point to create.

        Args:
            number: the parent's sequence number. A pattern needs it.

        Raises:
            BadRequest: the number is missing, or the result is not a point.
        """
        if self._whole is not None:
            return self._whole
        if not self.is_pattern:
            return self.parent.child(self.child)
        if number is None:
            raise BadRequest(f"{self.child!r} below '{self.parent}' needs a sequence number")
        try:
            return self.parent.child(self.child.replace(_NUMBER, str(number)))
        except ParseError as error:
            raise BadRequest(
                f"{self.child!r} with the number {number} is not a segment of a point",
                hint="a segment starts with a letter: write thing-%",
            ) from error


@attrs.frozen
class PointTemplate:
    """A point to create, as it was written, such as ``localhost:users:user-%``.

    Attributes:
        parent: the parent, which may contain variables or be relative.
        child: the last segment. It may contain ``%``, or be a variable.
        text: the whole template.

    Example:
        >>> place = PointTemplate.parse(".:visitor-%").resolve(Env(Point.parse("localhost")))
        >>> place.is_pattern, str(place.point(7))
        (True, 'localhost:visitor-7')
    """

    parent: PointVar
    child: str
    text: str = attrs.field(eq=False)
    _fixed: ResolvedTemplate | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> PointTemplate:
        """Reads ``text`` as a template. Raises ParseError."""
        # Most templates are plain points, which are cheap to read and to keep: 4 calls instead of 24.
        if find_unusual(text) is None and ":/" not in text:
            point = Point.parse(text)
            parent = point.parent
            if parent is not None:
                place = ResolvedTemplate(parent, point.name, point)
                return cls(PointVar.of(place.parent), place.child, text, place)
        template, end = scan_point_template(text, 0)
        if end < len(text):
            fail_behind(text, end)
        return template

    @property
    def is_pattern(self) -> bool:
        """Whether the point contains a sequence number."""
        return _NUMBER in self.child

    def resolve(self, env: Env) -> ResolvedTemplate:
        """Returns the place that the template names in ``env``. Raises what `PointVar.resolve` raises."""
        if self._fixed is not None:
            return self._fixed
        child = self.child
        if child.startswith("$"):
            name, brace, rest = child[2:].partition("}")
            child = env.variable(name) + rest if brace else child
            if _NUMBER in child:
                raise ParseError(f"the variable {name!r} cannot be {child!r} here", text=child)
        return ResolvedTemplate(self.parent.resolve(env), child)

    def __str__(self) -> str:
        return self.text


def scan_point_template(text: str, pos: int) -> tuple[PointTemplate, int]:
    """Reads the template at ``pos``; returns it and the offset after it. Raises ParseError.

    ``%`` may occur anywhere in the last segment. If it occurs more than once, it is the same number each time.
    """
    # An address ends at "%". A letter in its place keeps the address going, and keeps all offsets.
    plain = text.replace(_NUMBER, "x") if _NUMBER in text else text
    try:
        address, end = scan_address(plain, pos, Form.VARIABLE)
    except ParseError as error:
        raise ParseError(
            error.message, text=text, offset=error.offset, expected=error.expected, hint=error.hint
        ) from None
    if not address.segments:
        fail(text, pos, "a point with a name for the new particle", hint="ROOT always exists")
    last = address.segments[-1]
    if last.kind in (SegmentKind.WORKING, SegmentKind.POP):
        fail(text, end - len(last.text), "a name for the new particle")
    start = end - len(last.text)
    if last.kind is SegmentKind.VAR and _NUMBER in text[start:end]:
        fail(text, text.index(_NUMBER, start), "a variable's name such as user")
    if last.kind is SegmentKind.VAR and text.startswith("/", end - 1):
        start -= 1
    if (number := text.find(_NUMBER, pos, start)) >= 0:
        fail(text, number, "':'", hint="'%' is allowed only in the last segment")
    return PointTemplate(_parent(text, pos, start), text[start:end], text[pos:end]), end


def _parent(text: str, pos: int, start: int) -> PointVar:
    """Returns the address in front of the last segment, which starts at ``start``."""
    above = text[pos:start]
    if above == "" or above.endswith("::"):
        return PointVar.parse(f"{above}ROOT")
    return PointVar.parse(above if above.endswith("/") else above[:-1])
