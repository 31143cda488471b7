"""Recognises, by their types, values that can certainly be read back unchanged.

Most fields contain plain values, or lists and maps of these. A save must not read back everything that it writes only
to find that nothing is wrong: checking the types takes a tenth of the time. Values that are not certain are written and
read back.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from .shapes import arms_of, bare, is_union

__all__ = ["Check", "check_for", "exact_types", "is_native"]

Check: TypeAlias = Callable[[Any], bool]

_EXACT: dict[Any, frozenset[type]] = {
    int: frozenset({int}),
    str: frozenset({str}),
    bool: frozenset({bool}),
    bytes: frozenset({bytes}),
    type(None): frozenset({type(None)}),
    float: frozenset({float, int}),
}
_ANY: frozenset[type] = frozenset({int, str, bool, bytes, type(None), float})
_ATTRS_HOOKS = ("__attrs_pre_init__", "__attrs_post_init__", "__attrs_init__")


def exact_types(annotation: Any) -> frozenset[type]:
    """Returns the types of plain values that are read back unchanged; empty if that depends on more than the type."""
    wanted = bare(annotation)
    if wanted is Any or wanted is object:
        return _ANY
    if is_union(wanted):
        arms = [exact_types(arm) for arm in arms_of(wanted)]
        return frozenset().union(*arms) if all(arms) else frozenset()
    return _EXACT.get(wanted, frozenset()) if _is_hashable(wanted) else frozenset()


def check_for(annotation: Any) -> Check:
    """Returns a function that is true for values that are certainly read back unchanged. False means unknown."""
    return _check(annotation, ())


def _check(annotation: Any, outer: tuple[Any, ...]) -> Check:
    wanted = bare(annotation)
    exact = exact_types(wanted)
    if wanted is Any or wanted is object:
        return _anything
    if exact:
        return lambda value: type(value) in exact
    origin, arguments = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
    if wanted in outer:
        return _never
    outer = (*outer, wanted)
    if origin is list:
        return _elements(list, _all_of(arguments[0] if arguments else Any, outer))
    if origin is dict and (not arguments or exact_types(arguments[0])):
        return _map(
            exact_types(arguments[0]) if arguments else _ANY, _all_of(arguments[1] if arguments else Any, outer)
        )
    if origin in (set, frozenset) and arguments and exact_types(arguments[0]):
        return _elements(origin, _all_of(arguments[0], outer))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _elements(tuple, _all_of(arguments[0], outer))
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum) and not issubclass(wanted, enum.Flag):
        return lambda value: type(value) is wanted
    if isinstance(wanted, type) and attrs.has(wanted) and _is_simple(wanted):
        return _record(wanted, outer)
    if is_union(wanted) and len(arguments) == 2 and type(None) in arguments:
        (arm,) = [one for one in arguments if one is not type(None)]
        inner = _check(arm, outer)
        return lambda value: value is None or inner(value)
    return _never


def is_native(annotation: Any) -> bool:
    """Returns whether values that pass the check are written without being converted first."""
    wanted = bare(annotation)
    if wanted is Any or exact_types(wanted):
        return True
    origin = typing.get_origin(wanted) or wanted
    if origin not in (list, dict, set, frozenset, tuple):
        return False
    return all(is_native(one) for one in typing.get_args(wanted) if one is not Ellipsis)


def _never(_: Any) -> bool:
    return False


def _anything(value: Any) -> bool:
    kind = type(value)
    if kind in _ANY:
        return True
    if kind is list:
        return _ANY.issuperset(map(type, value)) or all(map(_anything, value))
    if kind is dict:
        return _ANY.issuperset(map(type, value)) and all(map(_anything, value.values()))
    return False


def _all_of(annotation: Any, outer: tuple[Any, ...]) -> Callable[[Any], bool]:
    """Returns the check for an iterable of values."""
    exact = exact_types(annotation)
    if exact:
        if bare(annotation) in (Any, object):
            return lambda values: exact.issuperset(map(type, values)) or all(map(_anything, values))
        return lambda values: exact.issuperset(map(type, values))
    inner = _check(annotation, outer)
    return lambda values: all(map(inner, values))


def _elements(kind: type, all_of: Callable[[Any], bool]) -> Check:
    return lambda value: type(value) is kind and all_of(value)


def _map(keys: frozenset[type], all_of: Callable[[Any], bool]) -> Check:
    return lambda value: type(value) is dict and keys.issuperset(map(type, value)) and all_of(value.values())


def _record(cls: type, outer: tuple[Any, ...]) -> Check:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError:
        return _never
    parts = [(field.name, _check(hints.get(field.name, Any), outer)) for field in attrs.fields(cls)]
    return lambda value: type(value) is cls and all(check(getattr(value, name)) for name, check in parts)


def _is_simple(cls: type) -> bool:
    """Returns whether an object of the class consists of its fields and nothing else."""
    if any(hasattr(cls, name) for name in _ATTRS_HOOKS) or cls.__dictoffset__:
        return False
    return all(field.init and field.converter is None and field.validator is None for field in attrs.fields(cls))


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
