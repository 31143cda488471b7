"""Checks the arguments of a caller before anything is sent. Each error names the argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from ..contracts.registry import Strategy
from ..errors import BadRequest, did_you_mean
from ..universe.address.point import Point
from ..universe.kind_defs.properties import PropertyChange, SetProperty, UnsetProperty
from ..universe.kind_defs.property_rules import property_text
from ..universe.selectors.selector import Selector

__all__ = [
    "as_callback",
    "as_changes",
    "as_flag",
    "as_keys",
    "as_point",
    "as_selector",
    "as_strategy",
    "as_text",
    "as_token",
    "type_named",
]

C = TypeVar("C")
_KEY: Final = re.compile(r"[a-z0-9.\-]+")


def type_named(value: object) -> str:
    """Returns the name of a value's type. The value itself may be large, and its ``repr`` may raise anything."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def as_text(name: str, value: object, example: str) -> str:
    """Returns the argument ``name``, which must be a string. Raises BadRequest."""
    if isinstance(value, str):
        return str(value)
    raise BadRequest(f"{name} is {type_named(value)}, not a string", hint=f"for example {name}={example!r}")


def as_token(value: object) -> str:
    """Returns the token that the caller passed. Raises BadRequest."""
    if not isinstance(value, str):
        raise BadRequest(f"token is {type_named(value)}, not a string")
    if value != value.strip():  # usually a line of a file with its line break
        raise BadRequest("the token has white space at its beginning or end", hint="pass token.strip()")
    return value


def as_flag(name: str, value: object) -> bool:
    """Returns the argument ``name``, which must be True or False. Raises BadRequest."""
    if isinstance(value, bool):
        return value
    raise BadRequest(f"{name} is {type_named(value)}, not True or False")


def as_callback(value: C | None) -> C | None:
    """Returns the argument ``callback``, which must be a function or None. Raises BadRequest."""
    if value is None or callable(value):
        return value
    raise BadRequest(f"callback is {type_named(value)}, not a function", hint="give a function, or None")


def as_point(name: str, value: object) -> Point:
    """Returns the argument ``name`` as a point. Raises ParseError for a string that is not one, BadRequest
    otherwise."""
    if isinstance(value, Point):
        return value
    if isinstance(value, str):
        return Point.parse(str(value))
    raise BadRequest(
        f"{name} is {type_named(value)}, not a point", hint="give a Point, or its text such as 'localhost:hits'"
    )


def as_selector(name: str, value: object) -> Selector:
    """Returns the argument ``name`` as a selector. Raises ParseError for a string that is not one, BadRequest
    otherwise."""
    if isinstance(value, Selector):
        return value
    if isinstance(value, Point | str):
        return Selector.parse(str(value))
    raise BadRequest(
        f"{name} is {type_named(value)}, not a selector", hint="give a string such as 'localhost:*' or 'localhost:hits'"
    )


def as_strategy(value: object) -> Strategy:
    """Returns the strategy for a point that is already registered. Raises BadRequest."""
    words = [strategy.value for strategy in Strategy]
    if isinstance(value, str) and value in words:
        return Strategy(value)
    said = f"{value!r:.40}{did_you_mean(value, words)}" if isinstance(value, str) else type_named(value)
    raise BadRequest(f"strategy is {said}", hint=f"one of {', '.join(map(repr, words))}, or a Strategy")


def as_changes(properties: object, *, lock: bool = False, removable: bool = True) -> tuple[PropertyChange, ...]:
    """Converts a map from keys to values to changes of properties. Raises BadRequest.

    Args:
        properties: the argument of the caller.
        lock: whether to lock the properties.
        removable: whether a value may be None, which removes the property.
    """
    if properties is None:
        return ()
    if not isinstance(properties, Mapping):
        raise BadRequest(
            f"properties are {type_named(properties)}, not a map from key to value", hint="properties={'title': 'Mine'}"
        )
    return tuple(_as_change(key, value, lock, removable) for key, value in properties.items())


def _as_change(key: object, value: object, lock: bool, removable: bool) -> PropertyChange:
    if not isinstance(key, str):
        raise BadRequest(
            f"properties have {type_named(key)} as a key, not a string", hint="properties={'title': 'Mine'}"
        )
    if not _KEY.fullmatch(key):
        raise BadRequest(
            f"properties have the key {key!r:.60}", hint="keys consist of lower-case letters, digits, '.' and '-'"
        )
    text = property_text(value)
    if text is not None:
        return SetProperty(key, text, lock)
    if value is None and removable:
        return UnsetProperty(key)
    raise BadRequest(
        f"properties[{key!r}] is {type_named(value)}, not a string or number", hint=f"write {{{key!r}: '...'}}"
    )


def as_keys(keys: object) -> tuple[str, ...]:
    """Returns the names of properties. Raises BadRequest."""
    if isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable):
        raise BadRequest(f"keys are {type_named(keys)}, not a list of strings", hint="keys=['title'], or [] for all")
    found: list[Any] = list(keys)
    for key in found:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            said = repr(key)[:60] if isinstance(key, str) else type_named(key)
            raise BadRequest(f"keys contain {said}", hint="keys consist of lower-case letters, digits, '.' and '-'")
    return tuple(map(str, found))
