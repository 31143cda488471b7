"""Checks whether the body of a wave can be converted to the annotations of a handler.

Plain types are decided here. The converter that does the work later is consulted only for the others, because it
compiles code for each type.
"""

from __future__ import annotations

import builtins
import enum
import re
import types
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, ForwardRef, get_args, get_origin

from ...universe.address.point import Point
from ...universe.kinds.kind import Kind

__all__ = ["annotations_of", "is_plain_text", "unconvertible"]

_NAMES: Final = "int|str|bool|float|bytes|dict|list|None|Any"
_TEXT: Final = re.compile(rf"(?:{_NAMES}|(?:dict|list|set|frozenset)\[(?:{_NAMES})(?:, *(?:{_NAMES}))?\])")
_PLAIN: Final = frozenset({int, str, bool, float, bytes, type(None), None, Any, dict, list, Point, Kind})
_HOLDERS: Final = frozenset({dict, list, set, frozenset})
_UNIONS: Final = frozenset({typing.Union, types.UnionType})


def annotations_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Returns the annotations of a function as types. Raises NameError if one names something undefined, and any other
    exception that evaluating an annotation raises."""
    names = getattr(function, "__globals__", {})
    found: dict[str, Any] = {}
    for name, value in function.__annotations__.items():
        if value.__class__ is str:
            if is_plain_text(value):
                found[name] = Any if value == "Any" else str  # ``str`` represents any plain type
                continue
            if "'" in value or '"' in value:
                return typing.get_type_hints(function)  # a string within a string
            # the string comes from imported code, which could already run anything
            value = names.get(value) or getattr(builtins, value, None) or eval(_compiled(value), names)  # nosec B307
        if value.__class__ is type or value is Any:
            found[name] = value
            continue
        if isinstance(value, str) or any(isinstance(part, str | ForwardRef) for part in get_args(value)):
            return typing.get_type_hints(function)
        found[name] = value
    return found


@lru_cache(maxsize=1024)
def is_plain_text(text: str) -> bool:
    """Returns whether an annotation is the text of a plain type, or of a container of plain types. Most annotations
    are, and evaluating a text takes longer than all other checks."""
    return _TEXT.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(text: str) -> types.CodeType:
    """Returns the code of an annotation. Many handlers have the same annotations, and compiling takes most of the
    time."""
    return compile(text, "<annotation>", "eval")


def unconvertible(wanted: Any) -> str:
    """Returns the part of an annotation to which nothing can be converted; empty if there is none."""
    try:
        if wanted in _PLAIN:
            return ""
    except TypeError:  # annotated with an unhashable value
        return _asked(wanted)
    origin = get_origin(wanted)
    if origin in _UNIONS:
        parts = [part for part in get_args(wanted) if part is not type(None)]
        return unconvertible(parts[0]) if len(parts) == 1 else _asked(wanted)
    if origin in _HOLDERS:
        return next(filter(None, map(unconvertible, get_args(wanted))), "")
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return ""
    return _asked(wanted)


def _asked(wanted: Any) -> str:
    from ...universe.waves.strict_conversion import converter

    try:
        converter.get_structure_hook(wanted)
    except Exception as exc:
        inner = getattr(exc, "type_", wanted)
        return getattr(inner, "__name__", "") if isinstance(inner, type) else str(inner)
    return ""
