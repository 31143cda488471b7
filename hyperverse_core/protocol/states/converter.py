"""The converter of saved states: annotated values to plain values and back, without guessing.

It is stricter than the converter of wave bodies in one way: a value is read back with the type with which it was
written. So an ``int`` in a ``float`` field stays an ``int``, and a numeric key stays a number. It also knows more
types.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import typing
import uuid
from collections.abc import Callable
from typing import Any

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from ...universe.address.point import Point
from ...universe.kinds.kind import Kind
from .same import same
from .shapes import arms_of, is_named_tuple, is_union

__all__ = ["TEXTUAL", "converter"]

_SCALARS = (str, int, float, bytes)
_FOLD = "~"
"""Marks the second of two times with the same clock time."""

_ABSTRACT: dict[Any, type] = {
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
"""The concrete type that is read for an abstract type of collection."""


def _write_moment(value: datetime.datetime | datetime.time) -> str:
    return value.isoformat() + _FOLD * value.fold


def _read_moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.removesuffix(_FOLD)).replace(fold=text.endswith(_FOLD))


def _read_time(text: str) -> datetime.time:
    return datetime.time.fromisoformat(text.removesuffix(_FOLD)).replace(fold=text.endswith(_FOLD))


_Text = tuple[Callable[[str], Any], Callable[[Any], str]]
TEXTUAL: dict[type, _Text] = {
    Point: (Point.parse, str),
    Kind: (Kind.parse, str),
    decimal.Decimal: (decimal.Decimal, str),
    fractions.Fraction: (fractions.Fraction, str),
    datetime.datetime: (_read_moment, _write_moment),
    datetime.date: (datetime.date.fromisoformat, datetime.date.isoformat),
    datetime.time: (_read_time, _write_moment),
    uuid.UUID: (uuid.UUID, str),
    pathlib.Path: (pathlib.Path, str),
    pathlib.PurePath: (pathlib.PurePath, str),
    pathlib.PurePosixPath: (pathlib.PurePosixPath, str),
    pathlib.PureWindowsPath: (pathlib.PureWindowsPath, str),
    ipaddress.IPv4Address: (ipaddress.IPv4Address, str),
    ipaddress.IPv6Address: (ipaddress.IPv6Address, str),
    ipaddress.IPv4Network: (ipaddress.IPv4Network, str),
    ipaddress.IPv6Network: (ipaddress.IPv6Network, str),
}
"""Types that are written as strings: how to read one, and how to write one."""


def _read_scalar(base: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, wanted: Any) -> Any:
        if type(value) is base:
            return value if wanted is base else wanted(value)
        raise TypeError(f"{value!r} is not {base.__name__}")

    return structure


def _read_float(value: Any, wanted: Any) -> Any:
    if type(value) is float:
        return value if wanted is float else wanted(value)
    if type(value) is int and wanted is float:
        return value  # as written; annotations also accept an int for a float
    raise TypeError(f"{value!r} is not a number")


def _read_bool(value: Any, _: Any) -> bool:
    if type(value) is bool:
        return value
    raise TypeError(f"{value!r} is not true or false")


def _write_scalar(base: type) -> Callable[[Any], Any]:
    exact: Callable[[Any], Any] = bytes if base is bytes else getattr(base, f"__{base.__name__}__")

    def unstructure(value: Any) -> Any:
        kind = type(value)
        return value if kind is base or kind is bool or not isinstance(value, base) else exact(value)

    return unstructure


def _read_text(read: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is str:
            return read(value)
        raise TypeError(f"{value!r} is not a string")

    return structure


def _write_text(kind: type, write: Callable[[Any], str]) -> Callable[[Any], Any]:
    return lambda value: write(value) if isinstance(value, kind) else value


def _read_enum(value: Any, wanted: Any) -> Any:
    for member in wanted:
        if type(member.value) is type(value) and member.value == value:
            return member
    return wanted(value)  # a combination of flags, or it raises


def _read_span(value: Any, _: Any) -> datetime.timedelta:
    days, seconds, microseconds = value
    return datetime.timedelta(days, seconds, microseconds)


def _write_span(value: Any) -> Any:
    return [value.days, value.seconds, value.microseconds] if isinstance(value, datetime.timedelta) else value


def _union_reader(union: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    arms = arms_of(union)
    simple = {arm for arm in arms if arm in (str, int, bool, bytes, float, type(None))}
    rich = [(arm, made.get_structure_hook(arm)) for arm in arms if arm not in simple]
    exact = simple | ({int} if float in simple else set())

    def structure(value: Any, _: Any) -> Any:
        for arm, read in rich:
            try:
                found = read(value, arm)
                if same(made.unstructure(found), value):
                    return found
            except Exception:  # noqa: S112 - it is another arm of the union  # nosec B112
                continue
        if type(value) in exact:
            return value
        raise TypeError(f"{value!r} is none of {union}")

    return structure


def _set_reader(wanted: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    kind = typing.get_origin(wanted) or wanted
    inner = next(iter(typing.get_args(wanted)), Any)
    read = made.get_structure_hook(inner)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise TypeError(f"{value!r} is not a list")
        found = kind(read(one, inner) for one in value)
        if len(found) != len(value):
            raise ValueError(f"{value!r} has a value twice, of which a set would lose one")
        return found

    return structure


def _tuple_reader(cls: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    hints = typing.get_type_hints(cls)
    reads = [(hints.get(name, Any), made.get_structure_hook(hints.get(name, Any))) for name in cls._fields]

    def structure(value: Any, _: Any) -> Any:
        return cls(*(read(one, wanted) for one, (wanted, read) in zip(value, reads, strict=True)))

    return structure


def _abstract(wanted: Any) -> Any:
    """Returns the concrete type that is used for an abstract one."""
    concrete: Any = _ABSTRACT[typing.get_origin(wanted) or wanted]
    arguments = typing.get_args(wanted)
    return concrete[arguments] if arguments else concrete


def _is_record(wanted: Any) -> bool:
    return isinstance(typing.get_origin(wanted) or wanted, type) and attrs.has(wanted)


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda wanted: wanted is kind


def _is_set(wanted: Any) -> bool:
    return (typing.get_origin(wanted) or wanted) in (set, frozenset)


def _make() -> cattrs.Converter:
    made = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    made.register_structure_hook_factory(
        _is_record,
        lambda cls: make_dict_structure_fn(cls, made, _cattrs_forbid_extra_keys=True, _cattrs_include_init_false=True),
    )
    made.register_unstructure_hook_factory(
        _is_record, lambda cls: make_dict_unstructure_fn(cls, made, _cattrs_include_init_false=True)
    )
    for base in _SCALARS:
        made.register_structure_hook(base, _read_scalar(base))
        made.register_unstructure_hook(base, _write_scalar(base))
    made.register_structure_hook(float, _read_float)
    made.register_structure_hook(bool, _read_bool)
    for kind, (read, write) in TEXTUAL.items():
        made.register_structure_hook_func(_is(kind), _read_text(read))
        made.register_unstructure_hook(kind, _write_text(kind, write))
    made.register_structure_hook(datetime.timedelta, _read_span)
    made.register_unstructure_hook(datetime.timedelta, _write_span)
    made.register_structure_hook_func(lambda wanted: wanted is bytearray, lambda value, _: bytearray(value))
    made.register_unstructure_hook(bytearray, bytes)
    made.register_structure_hook_func(
        lambda wanted: isinstance(wanted, type) and issubclass(wanted, enum.Enum), _read_enum
    )
    made.register_structure_hook_func(
        lambda wanted: wanted is object or isinstance(wanted, typing.TypeVar), lambda value, _: value
    )
    made.register_structure_hook_func(
        lambda wanted: (typing.get_origin(wanted) or wanted) in _ABSTRACT,
        lambda value, wanted: made.structure(value, _abstract(wanted)),
    )
    made.register_structure_hook_factory(
        _is_set,
        lambda wanted: _set_reader(wanted, made),
    )
    made.register_structure_hook_factory(is_named_tuple, lambda cls: _tuple_reader(cls, made))
    made.register_unstructure_hook_func(is_named_tuple, lambda value: [made.unstructure(one) for one in value])
    made.register_structure_hook_factory(is_union, lambda union: _union_reader(union, made))
    made.register_unstructure_hook_factory(is_union, lambda _: made.unstructure)
    return made


converter = _make()
