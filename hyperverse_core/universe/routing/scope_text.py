"""The shape of documents, ``Bind(version=1.0.0) { Route(auth)/users -> { ... } }``: docs/reference/binds.md#grammar.

This module finds brackets, names, filters and ends; ``bind_text.py`` gives scopes their meaning. Every function works
on the part of a text from ``pos`` to ``end``, so that offsets in errors count from the start of the whole text.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from ...errors import ParseError
from ..text.lexis import fail
from ..text.version import Version, scan_version
from .filters import Filter

__all__ = [
    "CLOSER_OF",
    "DocumentHead",
    "ScopeText",
    "TextPart",
    "scan_block",
    "scan_document_head",
    "scan_filters",
    "scan_names",
    "scan_scope",
    "skip_blanks",
]

CLOSER_OF: Final = {"{": "}", "(": ")", "[": "]", "<": ">"}
"""The brackets of blocks: each opening one with its closing one."""

_MARKS: Final = {
    opener: re.compile(rf"\\.|[{re.escape(opener + closer)}]", re.DOTALL) for opener, closer in CLOSER_OF.items()
}
_BLANKS: Final = re.compile(r"\s*+")
_HEAD: Final = re.compile(r"([A-Z][A-Za-z0-9]*+)\(version=")
_NAME: Final = re.compile(r"[A-Za-z0-9]++|\*")
_FILTER_NAME: Final = re.compile(r"\(([a-z][A-Za-z0-9-]*+)")
_FILTER_ARGS: Final = re.compile(r"\s++([^)]*+)\)")
_TOPIC: Final = re.compile(r"\[([^\]\s]*+)\]::")
_PATH: Final = re.compile(r"/\S*+")
_ARROW_END: Final = re.compile(r"[-=]>")
_DEEPEST: Final = 8


@attrs.frozen
class TextPart:
    """A part of a text, and the offset at which it starts."""

    text: str
    at: int


@attrs.frozen
class DocumentHead:
    """The head of a document: its language and the version of that language.

    Attributes:
        name: the language, such as ``Bind``.
        version: its version.
        at: offset of the name.
    """

    name: str
    version: Version
    at: int = attrs.field(eq=False)


@attrs.frozen
class ScopeText:
    """A scope whose parts have not been parsed.

    Attributes:
        names: the stacked names, outermost first: ``Route<Http<Get>>`` has Route, Http and Get.
        topic: the text in ``[...]::`` in front of the names, or None.
        filters: the filters after the names.
        path: the path expression, or None.
        arrow: the arrow in front of the block; None if there is a pipeline instead of a block.
        content: the text inside the block, or the pipeline up to its ``;``.
        at: offset of the first name.
    """

    names: tuple[str, ...]
    topic: TextPart | None
    filters: tuple[Filter, ...]
    path: TextPart | None
    arrow: TextPart | None
    content: TextPart
    at: int

    @property
    def is_block(self) -> bool:
        """Whether the content is in braces."""
        return self.arrow is not None


def skip_blanks(text: str, pos: int, end: int | None = None) -> int:
    """Returns the offset of the first character at or after ``pos`` that is not a blank."""
    found = _BLANKS.match(text, pos, len(text) if end is None else end)
    return found.end() if found is not None else pos


def scan_document_head(text: str, pos: int = 0) -> tuple[DocumentHead, int]:
    """Reads ``Name(version=1.0.0)`` at ``pos``, or after blanks there; returns it and the offset after it.

    Raises ParseError.
    """
    at = skip_blanks(text, pos)
    found = _HEAD.match(text, at)
    if found is None:
        hint = "write no blank between the name and '(version='"
        fail(text, at, "a document's name and version, as in Bind(version=1.0.0)", hint=hint)
    version, behind = scan_version(text, found.end())
    if not text.startswith(")", behind):
        fail(text, behind, "')'")
    return DocumentHead(found[1], version, at), behind + 1


def scan_block(text: str, pos: int, end: int | None = None) -> int:
    """Returns the offset after the block whose opening bracket is at ``pos``. Raises ParseError.

    Only brackets of the same sort count, and not those after a backslash.
    """
    opener = text[pos : pos + 1]
    closer = CLOSER_OF.get(opener)
    if closer is None:
        fail(text, pos, *map(repr, CLOSER_OF))
    depth = 0
    for found in _MARKS[opener].finditer(text, pos, len(text) if end is None else end):
        if found[0] == opener:
            depth += 1
        elif found[0] == closer:
            depth -= 1
            if depth == 0:
                return found.end()
    raise ParseError(f"{opener!r} is never closed", text=text, offset=pos, expected=(repr(closer),))


def scan_names(text: str, pos: int, end: int | None = None) -> tuple[tuple[str, ...], int]:
    """Reads stacked names at ``pos``; returns them, outermost first, and the offset after them. Raises ParseError.

    ``Http<Get>`` and ``<Http<Get>>`` are the same.
    """
    end = len(text) if end is None else end
    names: list[str] = []
    at, open_brackets = pos, 0
    if text.startswith("<", at, end):
        at, open_brackets = at + 1, 1
    while True:
        found = _NAME.match(text, at, end)
        if found is None:
            fail(text, at, "a name such as Route or Get", "'*'")
        if len(names) == _DEEPEST:
            raise ParseError("there are too many stacked names", text=text, offset=at, hint=f"at most {_DEEPEST}")
        names.append(found[0])
        at = found.end()
        if not text.startswith("<", at, end):
            break
        at, open_brackets = at + 1, open_brackets + 1
    for _ in range(open_brackets):
        if not text.startswith(">", at, end):
            fail(text, at, "'>'")
        at += 1
    return tuple(names), at


def scan_filters(text: str, pos: int, end: int | None = None) -> tuple[tuple[Filter, ...], int]:
    """Reads filters ``(name args)-(name)`` at ``pos``; returns them, perhaps none, and the offset after them.

    Raises ParseError.
    """
    end = len(text) if end is None else end
    filters: list[Filter] = []
    at = pos
    while text.startswith("(", at, end):
        found = _FILTER_NAME.match(text, at, end)
        if found is None:
            fail(text, at + 1, "the name of a filter such as auth", hint="the name starts with a lower-case letter")
        at, args = found.end(), None
        if not text.startswith(")", at, end):
            given = _FILTER_ARGS.match(text, at, end)
            if given is None:
                fail(text, at, "')'", "a blank and arguments")
            at, args = given.end() - 1, given[1]
        at += 1
        filters.append(Filter(found[1], args))
        if text.startswith("-(", at, end):
            at += 1
        else:
            break
    return tuple(filters), at


def scan_scope(text: str, pos: int, end: int | None = None) -> tuple[ScopeText, int]:
    """Reads the scope at ``pos``; returns it and the offset after its ``}`` or ``;``. Raises ParseError."""
    end = len(text) if end is None else end
    topic = _TOPIC.match(text, pos, end)
    start = topic.end() if topic is not None else pos
    names, at = scan_names(text, start, end)
    filters, at = scan_filters(text, at, end)
    path = _PATH.match(text, at, end)
    at = skip_blanks(text, path.end() if path is not None else at, end)
    arrow, content, behind = _scan_body(text, at, end)
    scope = ScopeText(
        names,
        TextPart(topic[1], topic.start(1)) if topic is not None else None,
        filters,
        TextPart(path[0], path.start()) if path is not None else None,
        arrow,
        content,
        start,
    )
    return scope, behind


def _scan_body(text: str, at: int, end: int) -> tuple[TextPart | None, TextPart, int]:
    """Reads what follows the names of a scope: an arrow and a block, or a pipeline and ``;``."""
    if not text.startswith(("-", "="), at, end):
        fail(text, at, "a step such as '->'")
    behind = _behind_arrow(text, at, end)
    if behind is not None:
        opener = skip_blanks(text, behind, end)
        if text.startswith("{", opener, end):
            closer = scan_block(text, opener, end)
            content = TextPart(text[opener + 1 : closer - 1], opener + 1)
            return TextPart(text[at:behind], at), content, closer
    stop = text.find(";", at, end)
    if stop < 0:
        raise ParseError("the pipeline does not end with ';'", text=text, offset=end, expected=("';'",))
    return None, TextPart(text[at:stop].rstrip(), at), stop + 1


def _behind_arrow(text: str, at: int, end: int) -> int | None:
    """Returns the offset after the arrow at ``at``; None if there is none, which the parser of pipelines explains."""
    if text.startswith("[", at + 1, end):
        found = _ARROW_END.match(text, scan_block(text, at + 1, end), end)
        return found.end() if found is not None else None
    return at + 2 if text.startswith(">", at + 1, end) else None
