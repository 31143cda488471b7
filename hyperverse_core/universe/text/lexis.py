"""The small words of the text language, and how an error about one is made (universe 1.11).

Every parser here works on a text and an offset, so that one grammar can embed another without copying.
"""

from __future__ import annotations

import re
from typing import NoReturn

from ...errors import ParseError

__all__ = ["CAMEL", "DOMAIN", "END", "PATH", "SKEWER", "VARIABLE", "at_end", "fail", "shown"]

CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*+")
"""A CamelCase name: Kinds, methods, layers."""

SKEWER = re.compile(r"[a-z][A-Za-z0-9-]*+")
"""A skewer-case name: tags, variables of points, products."""

DOMAIN = re.compile(r"[a-z0-9.-]++")
"""A domain: no shape is demanded of it beyond its characters."""

VARIABLE = re.compile(r"[a-z][a-z0-9.-]*+")
"""A variable in a substitution: dots are allowed here, unlike in a point."""

PATH = re.compile(r"/[A-Za-z0-9._:/-]*+")
"""The path of a request."""

END = frozenset(" \t\r\n<\"'])}^[({%@;,=")
"""The characters that end an address inside larger text; they are not part of it."""


def at_end(text: str, at: int) -> bool:
    """Whether an address that was read up to ``at`` is complete there."""
    return at >= len(text) or text[at] in END


def shown(text: str, at: int) -> str:
    """What stands at ``at``, short enough for a message."""
    if at >= len(text):
        return "the end of the text"
    rest = text[at : at + 24]
    return repr(rest if at + 24 >= len(text) else rest + "...")


def fail(text: str, at: int, *expected: str, hint: str = "") -> NoReturn:
    """Raise the ParseError for what stands at ``at``.

    Args:
        text: the whole text.
        at: offset at which it went wrong.
        expected: what would have been right there, as a reader would name it.
        hint: the cure, when there is one to name.
    """
    raise ParseError(f"unexpected {shown(text, at)}", text=text, offset=at, expected=expected, hint=hint)
