"""The words of the text languages, and the error for a text that does not follow its grammar.

A scanner takes a text and an offset, and returns a value and the offset after it, so one grammar can embed another
without copying the text. The rules of addresses are in docs/reference/points.md#grammar.

The expressions are possessive (``*+``, ``++``): they never backtrack, so no text makes them slow.
"""

from __future__ import annotations

import re
from typing import NoReturn

from ...errors import ParseError

__all__ = ["CAMEL", "DOMAIN", "END", "ENDED", "PATH", "SKEWER", "VARIABLE", "at_end", "fail", "shown"]

ENDED = "the text ends too early"
"""The message for a text that ends before it is complete."""

CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*+")
"""A name in CamelCase: Kinds, methods, layers."""

SKEWER = re.compile(r"[a-z][A-Za-z0-9-]*+")
"""A lower-case letter, then letters, digits and ``-``: tags, variables of points, products."""

DOMAIN = re.compile(r"[a-z0-9.-]++")
"""A domain: any sequence of lower-case letters, digits, ``-`` and ``.``."""

VARIABLE = re.compile(r"[a-z][a-z0-9.-]*+")
"""The name of a variable in a path. Unlike a variable in a point, it may contain dots."""

PATH = re.compile(r"/[A-Za-z0-9._:/-]*+")
"""The path of a request."""

END = frozenset(" \t\r\n<\"'])}^[({%@;,=")
"""The characters that end an address inside a larger text. They are not part of the address."""


def at_end(text: str, at: int) -> bool:
    """Whether an address that reaches up to ``at`` may end there."""
    return at >= len(text) or text[at] in END


def shown(text: str, at: int) -> str:
    """Returns the text at ``at``, shortened for a message."""
    rest = text[at : at + 24]
    return repr(rest if at + 24 >= len(text) else rest + "...")


def fail(text: str, at: int, *expected: str, hint: str = "") -> NoReturn:
    """Raises a ParseError for ``text`` at the offset ``at``.

    Args:
        text: the whole text.
        at: offset of the first character that does not fit.
        expected: what would fit there, in words for a reader.
        hint: the remedy, if one is known.
    """
    said = ENDED if at >= len(text) else f"unexpected {shown(text, at)}"
    raise ParseError(said, text=text, offset=at, expected=expected, hint=hint)
