"""Checks values against the annotations and rules of the configuration's classes, and reports every fault."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

__all__ = ["Fault", "Rule", "Secret", "fault_of_type", "faults_of_fields", "hints_of", "join", "setting"]

Rule: TypeAlias = Callable[[Any], str]
"""Returns what is wrong with a value of the right type; an empty string when it is valid."""

_NAMES: dict[Any, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    type(None): "nothing",
}


@attrs.frozen
class Fault:
    """One fault of a configuration.

    Attributes:
        path: dotted key of the value.
        what: what is wrong with it.
        hint: what to do about it; empty when ``what`` says so.
    """

    path: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        said = f"{self.path}: {self.what}" if self.path else self.what
        return f"{said}; {self.hint}" if self.hint else said


class Secret(str):
    """A string from a file or a variable that the configuration refers to. Its ``repr`` and every dump hide it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def setting(default: Any = attrs.NOTHING, *, rule: Rule | None = None, **kwargs: Any) -> Any:
    """Returns an attrs field with a rule. Takes the arguments of ``attrs.field``."""
    return attrs.field(default=default, metadata={"rule": rule}, **kwargs)


def join(path: str, key: str) -> str:
    """Returns the dotted path of ``key`` below ``path``."""
    return f"{path}.{key}" if path else key


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """Returns the resolved annotation of each field of an attrs class."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in attrs.fields(cls)}


def faults_of_fields(cls: type, values: Mapping[str, Any], path: str = "") -> list[Fault]:
    """Returns what is wrong with ``values`` as fields of ``cls``. Fields that are missing are not checked."""
    faults: list[Fault] = []
    hints = hints_of(cls)
    for field in attrs.fields(cls):
        if field.name not in values:
            continue
        value, where = values[field.name], join(path, field.name)
        found = fault_of_type(hints[field.name], value, where)
        rule: Rule | None = field.metadata.get("rule")
        if not found and rule is not None and value is not None:
            said = rule(value)
            found = [Fault(where, said)] if said else []
        faults += found
    return faults


def fault_of_type(hint: Any, value: Any, path: str) -> list[Fault]:
    """Returns faults when ``value`` does not fit the annotation. An integer is a number, a bool is not."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return []
    if origin in (typing.Union, types.UnionType):
        if any(not fault_of_type(arg, value, path) for arg in args):
            return []
        wanted = [arg for arg in args if arg is not type(None)]
        return fault_of_type(wanted[0], value, path)
    if origin is Literal:
        return [] if value in args else [_wrong(path, f"one of {', '.join(map(repr, args))}", value)]
    if origin is tuple:
        if not isinstance(value, tuple):
            return [_wrong(path, "a list", value)]
        return [f for i, item in enumerate(value) for f in fault_of_type(args[0], item, f"{path}[{i}]")]
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            return [_wrong(path, "a table", value)]
        return [f for key, item in value.items() for f in fault_of_type(args[1], item, join(path, str(key)))]
    return [] if _is(value, hint) else [_wrong(path, _NAMES.get(hint, "a table"), value)]


def _is(value: Any, hint: Any) -> bool:
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, (int, float))
    return isinstance(value, hint)


def _wrong(path: str, wanted: str, value: Any) -> Fault:
    return Fault(path, f"must be {wanted}, not {value!r}")
