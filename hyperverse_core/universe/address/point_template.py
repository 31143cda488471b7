"""Templates of particles: which point and which Kind a command wants to create (universe 5.4)."""

from __future__ import annotations

import attrs

from ...errors import BadRequest, ParseError
from ..text.lexis import fail
from .address import Form, scan_address
from .env import Env
from .point import Point
from .segment import SegmentKind
from .template import PointVar

__all__ = ["PointTemplate", "ResolvedTemplate", "scan_point_template"]

_NUMBER = "%"


@attrs.frozen
class ResolvedTemplate:
    """Where a particle is to be created.

    Attributes:
        parent: its parent.
        child: the last segment, with a ``%`` where the parent's next sequence number goes.
    """

    parent: Point
    child: str
    _whole: Point | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, point: Point) -> ResolvedTemplate:
        """For a point whose name is given, which has a parent."""
        if point.parent is None:
            raise BadRequest(f"'{point}' is there already and cannot be created")
        return cls(point.parent, point.name, point)

    @property
    def is_pattern(self) -> bool:
        """Whether a sequence number is needed."""
        return _NUMBER in self.child

    def point(self, number: int | None = None) -> Point:
        """The point to create.

        Args:
            number: the parent's sequence number; needed if it is a pattern.

        Raises:
            BadRequest: a number is needed and missing, or what comes out is no point.
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
                f"{self.child!r} with the number {number} is no segment of a point",
                hint="a segment starts with a letter: write thing-%",
            ) from error


@attrs.frozen
class PointTemplate:
    """A point to create: its parent and its last segment, in which ``%`` stands for a sequence number.

    Attributes:
        parent: the parent, a template too.
        child: the last segment as it is written.
        text: both.
    """

    parent: PointVar
    child: str
    text: str = attrs.field(eq=False)

    @classmethod
    def parse(cls, text: str) -> PointTemplate:
        """The template that ``text`` writes; raises ParseError."""
        template, end = scan_point_template(text, 0)
        if end < len(text):
            fail(text, end, "the end of the point")
        return template

    @property
    def is_pattern(self) -> bool:
        """Whether it takes a sequence number of the parent."""
        return _NUMBER in self.child

    def resolve(self, env: Env) -> ResolvedTemplate:
        """Parent and child in ``env``; raises what `PointVar.resolve` raises."""
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
    """The template at ``pos`` and the offset behind it; raises ParseError.

    ``%`` may stand anywhere in the last segment, several times: it is the same number each time.
    """
    # The grammar of points ends at a "%"; a letter in its place reads on, and the offsets stay as they are.
    plain = text.replace(_NUMBER, "x") if _NUMBER in text else text
    try:
        address, end = scan_address(plain, pos, Form.VARIABLE)
    except ParseError as error:
        raise ParseError(
            error.message, text=text, offset=error.offset, expected=error.expected, hint=error.hint
        ) from None
    if not address.segments:
        fail(text, pos, "a point with a name for the new particle", hint="ROOT is always there")
    last = address.segments[-1]
    if last.kind in (SegmentKind.WORKING, SegmentKind.POP):
        fail(text, end - len(last.text), "a name for the new particle")
    start = end - len(last.text)
    if last.kind is SegmentKind.VAR and _NUMBER in text[start:end]:
        fail(text, text.index(_NUMBER, start), "a variable's name such as user")
    if last.kind is SegmentKind.VAR and text.startswith("/", end - 1):
        start -= 1
    if (number := text.find(_NUMBER, pos, start)) >= 0:
        fail(text, number, "':'", hint="'%' stands in the last segment only")
    return PointTemplate(_parent(text, pos, start), text[start:end], text[pos:end]), end


def _parent(text: str, pos: int, start: int) -> PointVar:
    """The address in front of the last segment, which starts at ``start``."""
    above = text[pos:start]
    if above == "" or above.endswith("::"):
        return PointVar.parse(f"{above}ROOT")
    return PointVar.parse(above if above.endswith("/") else above[:-1])
