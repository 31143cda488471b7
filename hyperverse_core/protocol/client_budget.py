"""Limits on one frame of a client. They are checked before it is parsed, because parsing delays all other clients.

A body has a separate limit (``limits.body``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..errors import TooLarge

__all__ = ["LONGEST_TEXT", "MOST_POINTS", "check_headers", "check_recipients", "too_long"]

LONGEST_TEXT: Final = 65_536
"""Greatest number of characters of a command or a script; of address, path and topic of a wave together; of its headers
together."""
MOST_POINTS: Final = 10_000
"""Greatest number of points that a Ripple may name. A selector may match more."""
_LONGEST_LIST: Final = 1024 * 1024
"""Greatest number of characters of all points together."""


def too_long(what: str, length: int, limit: int = LONGEST_TEXT) -> TooLarge:
    """Returns the error for a text that is too long."""
    return TooLarge(f"{what} has {length} characters; {limit} are allowed", hint="send it in parts")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises TooLarge if the headers of a wave are too long."""
    length = sum(len(name) + len(value) for name, value in headers.items())
    if length > LONGEST_TEXT:
        raise too_long("the text of all headers", length)


def check_recipients(texts: Sequence[str]) -> None:
    """Raises TooLarge if a Ripple names too many points, or its selector is too long."""
    if texts[:1] == ["points"]:
        if len(texts) - 1 > MOST_POINTS:
            raise TooLarge(
                f"the Ripple names {len(texts) - 1} points; {MOST_POINTS} are allowed",
                hint="write a selector, or send several",
            )
        limit = _LONGEST_LIST
    else:
        limit = LONGEST_TEXT
    length = sum(map(len, texts))
    if length > limit:
        raise too_long("the list of recipients", length, limit)
