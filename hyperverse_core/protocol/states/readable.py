"""Determines which annotations can be read back at all."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import enum
import typing
from typing import Any, Literal

import attrs
import msgspec

from .converter import TEXTUAL, converter
from .same import same
from .shapes import arms_of, bare, is_named_tuple, is_union

__all__ = ["unreadable"]

_SCALARS = (str, int, float, bytes)
_LEAVES = frozenset({*_SCALARS, bool, type(None), object, datetime.timedelta, bytearray, *TEXTUAL})
_COLLECTIONS = frozenset(
    {
        list,
        tuple,
        set,
        frozenset,
        collections.deque,
        collections.abc.Sequence,
        collections.abc.MutableSequence,
        collections.abc.Collection,
        collections.abc.Iterable,
        collections.abc.Set,
        collections.abc.MutableSet,
    }
)
_MAPS = frozenset(
    {dict, collections.defaultdict, collections.OrderedDict, collections.Counter}
    | {collections.abc.Mapping, collections.abc.MutableMapping}
)
_NO_KEYS = (list, dict, set, bytearray, collections.deque)
"""Types that cannot be keys of a map once they are written."""


def unreadable(annotation: Any) -> str:
    """Returns why a value of that type can never be read back; empty if it can. Each save checks the individual
    values."""
    return _why(annotation, set())


def _why(annotation: Any, seen: set[Any]) -> str:
    wanted = bare(annotation)
    if wanted is Any or isinstance(wanted, typing.TypeVar):
        return ""
    if isinstance(wanted, str | typing.ForwardRef):
        return f"{getattr(wanted, '__forward_arg__', wanted)!r} is not defined where the class is"
    try:
        if wanted in seen or wanted in _LEAVES:
            return ""
    except TypeError:
        return f"{_name(wanted)} is not a type"
    seen.add(wanted)
    if is_union(wanted):
        return _first(arms_of(wanted), seen)
    origin = typing.get_origin(wanted)
    if origin is Literal:
        return next(
            (f"{value!r} of a Literal" for value in typing.get_args(wanted) if not _comes_back(value, wanted)), ""
        )
    if (origin or wanted) in _COLLECTIONS:
        return _first([arg for arg in typing.get_args(wanted) if arg is not Ellipsis], seen)
    if (origin or wanted) in _MAPS:
        return _why_map(typing.get_args(wanted), seen)
    return _why_class(wanted, origin or wanted, seen)


def _first(annotations: typing.Iterable[Any], seen: set[Any]) -> str:
    return next((why for one in annotations if (why := _why(one, seen))), "")


def _why_map(arguments: tuple[Any, ...], seen: set[Any]) -> str:
    if arguments:
        key = bare(arguments[0])
        origin = typing.get_origin(key) or key
        if (
            origin in (tuple, frozenset, *_NO_KEYS)
            or is_named_tuple(origin)
            or (isinstance(origin, type) and _is_record(origin))
        ):
            return f"keys of type {_name(key)}"
    return _first(arguments, seen)


def _why_class(wanted: Any, cls: Any, seen: set[Any]) -> str:
    if not isinstance(cls, type):
        return _name(wanted)
    if issubclass(cls, enum.Enum):
        return next((f"{member!r}" for member in cls if not _comes_back(member, cls)), "")
    if issubclass(cls, _SCALARS):
        return ""
    if not (_is_record(cls) or typing.is_typeddict(cls) or is_named_tuple(cls)):
        return _name(wanted)
    try:
        hints = typing.get_type_hints(cls)
        converter.get_structure_hook(wanted)
    except Exception as exc:
        return f"{_name(wanted)} ({type(exc).__name__}: {exc})"
    return _first(hints.values(), seen)


def _is_record(cls: type) -> bool:
    return attrs.has(cls) or dataclasses.is_dataclass(cls)


def _comes_back(value: Any, wanted: Any) -> bool:
    try:
        written = msgspec.msgpack.encode(converter.unstructure(value))
        return same(converter.structure(msgspec.msgpack.decode(written), wanted), value)
    except Exception:  # a value or its class may raise anything; then it cannot be read back
        return False


def _name(wanted: Any) -> str:
    if isinstance(wanted, type) and not typing.get_args(wanted):
        return wanted.__qualname__ if wanted.__module__ == "builtins" else f"{wanted.__module__}.{wanted.__qualname__}"
    return str(wanted)
