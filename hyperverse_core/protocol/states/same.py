"""Compares two values, which are the same if they are equal and of the same type at every depth."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
from collections import defaultdict, deque
from itertools import starmap
from typing import Any, Final

import attrs

__all__ = ["same"]

_ABSENT: Final = object()
_ATOMS = frozenset({int, str, bool, bytes, type(None)})


def same(one: Any, other: Any) -> bool:
    """Returns whether the values are indistinguishable. NaN is the same as NaN. Raises RecursionError for a value that
    contains itself, and the errors of comparing the values."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in _ATOMS:
        return bool(one == other)
    if kind is float:
        return bool(one == other) or (one != one and other != other)
    if isinstance(one, decimal.Decimal):
        return bool(one.as_tuple() == other.as_tuple())
    if isinstance(one, datetime.datetime | datetime.time):
        return bool(one == other) and one.fold == other.fold and one.tzinfo == other.tzinfo
    if isinstance(one, dict):
        return _same_maps(one, other) and _same_attributes(one, other)
    if isinstance(one, list | tuple | deque):
        if getattr(one, "maxlen", None) != getattr(other, "maxlen", None):
            return False
        return (
            len(one) == len(other) and all(starmap(same, zip(one, other, strict=True))) and _same_attributes(one, other)
        )
    if isinstance(one, set | frozenset):
        return _same_sets(one, other)
    if attrs.has(kind) or dataclasses.is_dataclass(kind):
        has_attrs: bool = attrs.has(kind)
        fields: Any = attrs.fields(kind) if has_attrs else dataclasses.fields(kind)  # type: ignore[arg-type]
        return all(same(getattr(one, f.name, _ABSENT), getattr(other, f.name, _ABSENT)) for f in fields)
    return bool(one == other) and _same_attributes(one, other)


def _same_maps(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    if isinstance(one, defaultdict) and one.default_factory != other.default_factory:  # type: ignore[attr-defined]
        return False
    if len(one) != len(other):
        return False
    pairs = zip(one.items(), other.items(), strict=True)
    return all(same(key, key2) and same(value, value2) for (key, value), (key2, value2) in pairs)


def _same_sets(one: Any, other: Any) -> bool:
    if one != other:
        # NaN equals nothing, not even itself, so it is checked separately.
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    found = {value: value for value in other}
    return all(same(value, found[value]) for value in one)


def _same_attributes(one: Any, other: Any) -> bool:
    """Compares the attributes that an instance has in addition to its value, as in a subclass of a plain type or a
    dataclass."""
    held, held2 = getattr(one, "__dict__", None), getattr(other, "__dict__", None)
    return held is held2 or (held is not None and held2 is not None and _same_maps(held, held2))
