"""The scanner of addresses in their three forms: docs/reference/points.md#grammar, #templates.

It is written by hand, because every wave may carry new addresses and an error must name its exact place. `Point`
first tries one regular expression (`point_shape`), and calls this scanner for unusual addresses and for the error.
"""

from __future__ import annotations

import enum
import re
from typing import NoReturn

import attrs

from ..text import lexis
from ..text.lexis import at_end, fail
from ..text.version import scan_version
from .route import THIS, Route, match_route
from .segment import Segment, SegmentKind

__all__ = ["Address", "Form", "fail_behind", "scan_address"]


class Form(enum.Enum):
    """The forms of an address, by the segments that it may have."""

    ABSOLUTE = "Point"
    """Names only."""
    CONTEXT = "PointCtx"
    """Names, and ``.`` or ``..`` in front of them."""
    VARIABLE = "PointVar"
    """The same forms with variables ``${name}``."""


_SPACE = re.compile(r"[a-z][a-z0-9-]*+(?:\.(?!\.)[a-z0-9-]*+)*+")
_BASE = re.compile(r"[a-z][a-z0-9-]*+")
_NAME = re.compile(r"[A-Za-z0-9._-]++")
_RELATIVE = {".": SegmentKind.WORKING, "..": SegmentKind.POP}
_DOTS = re.compile(r"\.\.?+(?![a-z0-9.-])")
_PATTERN_HINT = "a point names one particle; '*' is for selectors, as in `select localhost:*`"
_FIRST_HINTS = {
    "/": "the top of the tree is ROOT",
    ":": "leave out the ':' at the start",
    "*": _PATTERN_HINT,
    "<": "a Kind follows a point and does not replace it",
}
"""Hint about a character that is found where the first segment is expected."""
_LEADING = frozenset({SegmentKind.WORKING, SegmentKind.POP, SegmentKind.VAR})


@attrs.frozen
class Address:
    """An address that was read.

    Attributes:
        route: the part before ``::``.
        segments: the segments after it; none for ROOT.
        text: the address as printed.
    """

    route: Route
    segments: tuple[Segment, ...]
    text: str


def scan_address(text: str, pos: int, form: Form) -> tuple[Address, int]:
    """Reads the address at ``pos``; returns it and the offset after it. Raises ParseError.

    An address ends at the end of the text, at a blank or at one of ``< " ' ] ) } ^ [ ( { % @ ; , =``.

    Args:
        text: the whole text.
        pos: offset at which the address starts.
        form: which segments it may have.
    """
    route, start = _scan_prefix(text, pos, form)
    if text.startswith("ROOT", start):
        end = start + 4
        if not at_end(text, end):
            fail(text, end, "the end of the point", hint="ROOT has no segments; write its child without ROOT")
        return Address(route, (), f"{route.prefix}ROOT"), end
    segments: list[Segment] = []
    at = _scan_head(text, start, form, segments)
    while at < len(text) and text[at] == ":":
        if text.startswith("/", at + 1):
            at = _scan_filesystem(text, at + 1, form, segments)
            break
        if segments[-1].kind is SegmentKind.VERSION:
            fail(text, at + 1, "'/'", hint="only a filesystem may follow a version")
        at = _scan_mesh(text, at + 1, form, segments)
    if not at_end(text, at):
        _fail_behind(text, at, segments[-1])
    return Address(route, tuple(segments), f"{route.prefix}{text[start:at]}"), at


def _scan_prefix(text: str, pos: int, form: Form) -> tuple[Route, int]:
    found = match_route(text, pos, variables=form is Form.VARIABLE)
    if found is None or not text.startswith("::", found[1]):
        return THIS, pos
    return found[0], found[1] + 2


def _scan_head(text: str, at: int, form: Form, segments: list[Segment]) -> int:
    """Reads the first segment: a space or, in a template, ``.``, ``..`` or a variable."""
    if form is not Form.ABSOLUTE and (dots := _DOTS.match(text, at)) is not None:
        segments.append(Segment(_RELATIVE[dots.group()], dots.group()))
        return dots.end()
    if form is Form.VARIABLE and text.startswith("$", at):
        return _scan_variable(text, at, segments)
    space = _SPACE.match(text, at)
    if space is None:
        _fail_head(text, at, form)
    segments.append(Segment(SegmentKind.SPACE, space.group()))
    return space.end()


def _fail_head(text: str, at: int, form: Form) -> NoReturn:
    hint = ""
    if _DOTS.match(text, at) is not None:
        hint = "resolve a relative address against a working point first"
    elif text.startswith("$", at):
        hint = "replace a variable by its value first"
    elif at < len(text):
        hint = _FIRST_HINTS.get(text[at], "")
        if text[at].isupper():
            hint = "the first segment starts with a lower-case letter"
    expected = ["a space such as localhost", "ROOT"]
    if form is not Form.ABSOLUTE:
        expected += ["'.'", "'..'"]
    if form is Form.VARIABLE:
        expected.append("${variable}")
    fail(text, at, *expected, hint=hint)


def _scan_mesh(text: str, at: int, form: Form, segments: list[Segment]) -> int:
    """Reads a segment after ``:`` that is not in a filesystem."""
    if form is Form.VARIABLE and text.startswith("$", at):
        return _scan_variable(text, at, segments)
    if form is not Form.ABSOLUTE and text.startswith("..", at):
        return _scan_pop(text, at, segments)
    if at < len(text) and "0" <= text[at] <= "9":
        _, end = scan_version(text, at)
        segments.append(Segment(SegmentKind.VERSION, text[at:end]))
        return end
    base = _BASE.match(text, at)
    if base is None:
        fail(text, at, "a segment such as app", "a version such as 1.0.0", "'/'", hint=_hint_for_segment(text, at))
    segments.append(Segment(SegmentKind.BASE, base.group()))
    return base.end()


def _hint_for_segment(text: str, at: int) -> str:
    """Hint about text found where a segment is expected."""
    if at >= len(text):
        return "leave out the ':' at the end"
    if text[at].isupper():
        return "segments are written in lower case"
    return _PATTERN_HINT if text[at] == "*" else ""


def _scan_pop(text: str, at: int, segments: list[Segment]) -> int:
    """Reads ``..`` after the first segment.

    It follows ``.``, ``..`` or a variable only, never a name. So the value of a variable cannot lead out of the branch
    that a template names.
    """
    if segments[-1].kind not in _LEADING:
        hint = "'..' is allowed only at the start, or after '.', '..' or a variable"
        fail(text, at, "a segment such as app", hint=hint)
    segments.append(Segment(SegmentKind.POP, ".."))
    return at + 2


def _scan_variable(text: str, at: int, segments: list[Segment]) -> int:
    if not text.startswith("${", at):
        fail(text, at + 1, "'{'")
    name = lexis.SKEWER.match(text, at + 2)
    if name is None:
        fail(text, at + 2, "a variable's name such as user", hint="it starts with a lower-case letter")
    if not text.startswith("}", name.end()):
        fail(text, name.end(), "'}'", hint="a variable's name has letters, digits and '-' only")
    segments.append(Segment(SegmentKind.VAR, text[at : name.end() + 1]))
    return name.end() + 1


def _scan_filesystem(text: str, at: int, form: Form, segments: list[Segment]) -> int:
    """Reads the root ``/`` at ``at``, and the directories and the file after it."""
    segments.append(Segment(SegmentKind.FS_ROOT, "/"))
    at += 1
    while True:
        if form is Form.VARIABLE and text.startswith("$", at):
            end = _scan_variable(text, at, segments)
            if not text.startswith("/", end):
                return end
            at = end + 1
            continue
        name = _NAME.match(text, at)
        if name is None:
            return at
        if name.group() in _RELATIVE:
            fail(text, at, "a file or directory name", hint="a path inside a filesystem has no '.' or '..'")
        if not text.startswith("/", name.end()):
            segments.append(Segment(SegmentKind.FILE, name.group()))
            return name.end()
        segments.append(Segment(SegmentKind.DIR, name.group() + "/"))
        at = name.end() + 1


def _fail_behind(text: str, at: int, last: Segment) -> NoReturn:
    if last.kind.is_filesystem:
        hint = "this is a point, not a URL" if text.startswith("://", at - 2) else ""
        fail(text, at, "'/'", "a file or directory name", "the end of the point", hint=hint)
    hint = ""
    if text[at] == "/":
        hint = "segments are separated by ':', as in localhost:app; ':/' begins a path of files"
    elif text[at] == "*":
        hint = _PATTERN_HINT
    elif text[at] == ".":
        hint = "only the first segment may contain dots, and never two in a row"
    elif text[at] == "_" or text[at].isupper():
        hint = "segments have lower-case letters, digits and '-'"
    fail(text, at, "':'", "the end of the point", hint=hint)


_BEHIND = {
    " ": "a point contains no blanks",
    "<": "a Kind is not part of the point: give it separately",
    "{": "properties are not part of the point: give them separately",
    "@": "a point with a layer is a surface, and a point is expected here",
}
"""Hint about a character after a point where nothing may follow."""


def fail_behind(text: str, at: int) -> NoReturn:
    """Raises the ParseError for what follows a whole address at ``at``, where nothing may follow."""
    fail(text, at, "the end of the point", hint=_BEHIND.get(text[at], ""))
