"""Determines what can complete a line of ``hyperverse term``."""

from __future__ import annotations

import re
from typing import Final, Literal

import attrs

__all__ = ["TypedPlace", "place_of"]

_LAST: Final = re.compile(r"(?:^|;)\s*([^;]*)\Z", re.DOTALL)
_KIND: Final = re.compile(r"create[?!]?\s+\S*<(?P<start>[A-Za-z]*)\Z")
_NEW: Final = re.compile(r"create[?!]?\s+\S*<(?P<of>[A-Za-z]+)[^>]*>+\s*\{(?:[^{}]*,)?\s*\+@?(?P<start>[a-z0-9.-]*)\Z")
_CHANGED: Final = re.compile(r"set\s+(?P<of>[^\s{]+)\s*\{(?:[^{}]*,)?\s*(?:\+@?|!)(?P<start>[a-z0-9.-]*)\Z")
_READ: Final = re.compile(r"get\s+(?P<of>[^\s{]+)\s*\{(?:[^{}]*,)?\s*(?P<start>[a-z0-9.-]*)\Z")
_METHOD: Final = re.compile(r"(?:ping|signal|ripple)\s+(?P<of>\S+)\s+(?P<start>[A-Za-z<]*)\Z")
_POINT: Final = re.compile(
    r"(?:create[?!]?|delete|select|get|set|read|write|ping|signal|ripple|access|explain|chown|(?:.*\s)?(?:on|to))\s+"
    r"(?P<start>[A-Za-z0-9:._/-]*)\Z",
    re.DOTALL,
)


@attrs.frozen
class TypedPlace:
    """The sort of word that belongs at the end of a line.

    Attributes:
        sort: the sort of thing.
        start: the part of it that has been typed.
        of: the point whose methods or properties are offered; for ``new property``, the Kind.
    """

    sort: Literal["kind", "method", "property", "new property", "point", "word"]
    start: str = ""
    of: str = ""


def place_of(before: str) -> TypedPlace:
    """Returns what may end the text before the cursor. Only its last command counts."""
    found = _LAST.search(before)
    text = found[1] if found is not None else before
    if match := _KIND.match(text):
        return TypedPlace("kind", match["start"])
    if match := _NEW.match(text):
        return TypedPlace("new property", match["start"], match["of"])
    if match := _CHANGED.match(text) or _READ.match(text):
        return TypedPlace("property", match["start"], match["of"])
    if match := _METHOD.match(text):
        return TypedPlace("method", match["start"], match["of"])
    if match := _POINT.match(text):
        return TypedPlace("point", match["start"])
    return TypedPlace("word")
