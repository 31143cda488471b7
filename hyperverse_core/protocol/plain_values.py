"""Plain values: what the body of a wave may be made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["DEEPEST", "HEADS", "SCALARS", "first_offender", "is_too_deep", "may_be_too_deep", "may_hold_timestamp"]

DEEPEST = 64
"""How many levels of lists and maps a body may have."""

# Heads of a MessagePack timestamp, the one extension that msgspec reads and writes by itself.
_SHORT, _LONG, _LONGEST = b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff"
HEADS = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
"""First bytes of lists and maps."""
_PLAIN = frozenset({type(None), bool, float, bytes})
SCALARS = _PLAIN | {int, str}
"""Types of values that hold no others. Of these the encoder itself refuses what cannot travel."""
_HOLDING = (dict, list, tuple, set, frozenset, Mapping)
"""Types of values that hold others."""


def may_hold_timestamp(frame: bytes) -> bool:
    """Whether an encoded frame may hold a timestamp. :func:`first_offender` finds out whether it does."""
    return b"\xff" in frame and (_SHORT in frame or _LONG in frame or _LONGEST in frame)


def may_be_too_deep(frame: bytes) -> bool:
    """Whether an encoded frame may hold a body with too many levels: it has enough bytes that begin a list or map.
    :func:`is_too_deep` finds out whether it does."""
    return len(frame) - len(frame.translate(None, HEADS)) > DEEPEST


def is_too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether ``value`` has more than so many levels of lists and maps within one another. The encoder takes about a
    thousand, and a decoder that is called from further within takes fewer: that would cost the connection.

    Level by level, because a body may have a hundred thousand rows: that is an eighth of what a call for each row
    costs.

    Args:
        value: a body that the encoder takes, so it does not hold itself; or a part of one.
        levels: how many may still come.
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
    """Returns which part of ``value`` is not a plain value, and where it stands; empty when all of it is plain.

    Args:
        value: a body, or a part of one.
        where: how to name ``value`` in the answer.
        depth: how many lists and maps it lies in.
    """
    kind = type(value)
    if kind in _PLAIN:
        return ""
    if kind is int:
        return "" if -(2**63) <= value < 2**64 else f"{where} is an int of more than 64 bits"
    if kind is str:
        return f"{where} is a text with surrogates" if _has_surrogates(value) else ""
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
