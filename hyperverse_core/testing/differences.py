"""Long lists compared: a test that fails says where they first differ. The comparison of pytest may take minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["first_difference"]


def first_difference(found: Sequence[Any], expected: Sequence[Any]) -> str:
    """Where two lists first differ, as a sentence; empty when they are equal::

    difference = first_difference(frames, sent)
    assert not difference, difference
    """
    for place, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            return f"number {place} is {_short(one)}, expected {_short(other)}"
    if len(found) != len(expected):
        return f"there are {len(found)}, expected {len(expected)}"
    return ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
