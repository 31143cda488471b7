"""Plain values: the values that the body of a wave may contain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["DEEPEST", "HEADS", "SCALARS", "first_offender", "is_too_deep", "may_be_too_deep", "may_hold_timestamp"]

DEEPEST = 64
"""Greatest number of levels of lists and maps that a body may have."""

# Heads of a MessagePack timestamp, the one extension that msgspec reads and writes by itself.
_SHORT, _LONG, _LONGEST = b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff"
HEADS = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
"""First bytes of lists and maps."""
_PLAIN = frozenset({type(None), bool, float, bytes})
SCALARS = _PLAIN | {int, str}
"""Types of values that contain no others. The encoder itself refuses such values if they cannot be sent."""
_HOLDING = (dict, list, tuple, set, frozenset, Mapping)
"""Types of values that contain others."""


def may_hold_timestamp(frame: bytes) -> bool:
    """Returns whether an encoded frame may contain a timestamp. :func:`first_offender` tells whether it does."""
    return b"\xff" in frame and (_SHORT in frame or _LONG in frame or _LONGEST in frame)


def may_be_too_deep(frame: bytes) -> bool:
    """Returns whether an encoded frame may contain a body with too many levels: it has enough bytes that start a list
    or map. :func:`is_too_deep` tells whether it does."""
    return len(frame) - len(frame.translate(None, HEADS)) > DEEPEST


def is_too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Returns whether ``value`` has more than that many nested levels of lists and maps. The encoder accepts about a
    thousand, but a decoder that is called deeper in the stack accepts fewer, and would close the connection.

    It works level by level, because a body may have a hundred thousand rows. This costs an eighth of one call per row.

    Args:
        value: a body that the encoder accepts, so it does not contain itself; or a part of one.
        levels: how many levels are allowed.
    """
    level = [value]
    for _ in range(levels):
        below: list[Any] = []
        for outer in level:
            kind = type(outer)
            if kind is dict:
                below += [item for item in outer.values() if type(item) not in SCALARS]
            elif kind is list:
                below += [item for item in outer if type(item) not in SCALARS]
            elif isinstance(outer, _HOLDING):
                inner: Iterable[Any] = outer.values() if isinstance(outer, Mapping) else outer
                below += [item for item in inner if type(item) not in SCALARS]
        if not below:
            return False
        level = below
    return any(isinstance(outer, _HOLDING) for outer in level)


def first_offender(value: Any, where: str = "the body", depth: int = 0) -> str:
    """Returns a description of the part of ``value`` that is not a plain value; empty if all of it is plain.

    Args:
        value: a body, or a part of one.
        where: name of ``value`` in the result.
        depth: number of lists and maps around it.
    """
    kind = type(value)
    if kind in _PLAIN:
        return ""
    if kind is int:
        return "" if -(2**63) <= value < 2**64 else f"{where} is an int of more than 64 bits"
    if kind is str:
        return f"{where} is a string with surrogates" if _has_surrogates(value) else ""
    if depth >= DEEPEST:
        return f"{where[:40]}... is nested more than {DEEPEST} levels deep"
    if isinstance(value, Mapping):
        inner: Iterable[tuple[str, Any]] = ((f"{where}[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        inner = ((f"{where}[{index}]", item) for index, item in enumerate(value))
    else:
        return f"{where} is a {kind.__name__}"
    return next((said for place, item in inner if (said := first_offender(item, place, depth + 1))), "")


def _has_surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)
