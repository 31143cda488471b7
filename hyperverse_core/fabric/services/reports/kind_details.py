"""Describes a Kind: its place in the tree, its properties, and the handlers of its particles."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, get_type_hints

import msgspec

from ....contracts.driver import Ctx
from ....errors import NotFound, did_you_mean
from ....universe.kind_defs.kind_def import KindDef
from ....universe.kind_defs.properties import PropertyDef
from ...particles.handlers import Handler
from ...particles.served import Served, ServedKinds

__all__ = ["creatable", "kind_details"]

_ANY: Final[Mapping[str, Any]] = {}
"""The JSON Schema that accepts everything."""
_OWN: Final = frozenset({"Root", "Star", "Driver", "Global", "Control"})
"""Kinds whose particles the platform creates itself."""


def creatable(name: str, served: ServedKinds) -> bool:
    """Whether particles of a Kind can be created: a driver serves it, and it is not one of the platform's own."""
    return name in served and name not in _OWN


def kind_details(name: str, served: ServedKinds) -> dict[str, Any]:
    """Returns what is known about a Kind, as plain values. Raises NotFound, with similar names."""
    kind = served.known.get(name)
    if kind is None:
        known = sorted(served.known)
        raise NotFound(f"no Kind {name!r}{did_you_mean(name, known)}", hint=f"known: {', '.join(known)}")
    return {**_of_kind(kind), **_of_driver(served.get(name)), "creatable": creatable(name, served)}


def _of_kind(kind: KindDef) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "doc": kind.doc,
        "subs": list(kind.subs),
        "parents": list(kind.parents),
        "children": list(kind.children),
        "properties": [_property(definition) for definition in kind.properties],
    }


def _property(definition: PropertyDef) -> dict[str, Any]:
    return {
        "property": definition.key,
        "doc": definition.doc,
        "rule": definition.pattern.meant,
        "required": definition.required,
        "mutable": definition.mutable and not definition.constant,
        "default": None if definition.default is None else definition.read(definition.default),
    }


def _of_driver(served: Served | None) -> dict[str, Any]:
    if served is None:
        return {"plugin": None, "state": "", "cause": "no plugin of this machine provides a driver", "handlers": []}
    return {
        "plugin": served.plugin,
        "state": str(served.status),
        "again": served.again,
        "cause": served.told(),
        "class": served.particle.__name__,
        "about": _first_line(served.particle),
        "handlers": [_handler(handler) for handler in served.handlers],
    }


def _handler(handler: Handler) -> dict[str, Any]:
    function: Callable[..., Any] = inspect.unwrap(handler.call)
    return {
        "takes": str(handler.selector),
        "doc": _first_line(function),
        "privilege": handler.privilege,
        "arguments": _arguments(function),
        "result": _schema(_hints(function).get("return", Any)),
    }


def _arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns a JSON Schema of the body: an object with the parameters."""
    hints, properties, required = _hints(function), {}, []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        hint = hints.get(parameter.name, Any)
        if hint is Ctx or parameter.name == "ctx":
            continue
        schema = dict(_schema(hint))
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif isinstance(parameter.default, (str, int, float, bool)) or parameter.default is None:
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # names that exist only for type checkers
        return {}


def _schema(hint: Any) -> Mapping[str, Any]:
    """Returns the JSON Schema of an annotation; one that accepts everything for a type that has none."""
    if hint is Any or hint is inspect.Parameter.empty:
        return _ANY
    try:
        return msgspec.json.schema(hint)
    except (TypeError, ValueError, RecursionError, NotImplementedError):
        return _ANY


def _first_line(thing: object) -> str:
    text = getattr(thing, "__doc__", None)
    return inspect.cleandoc(text).partition("\n")[0] if isinstance(text, str) else ""
