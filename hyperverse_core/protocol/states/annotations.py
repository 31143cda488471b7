"""Resolves the annotation of a field to a type, where the class only has its text."""

from __future__ import annotations

import inspect
import sys
import typing
from typing import Any

import attrs

__all__ = ["annotation_of"]


def annotation_of(owner: type, field: attrs.Attribute[Any]) -> Any:
    """Returns the annotation of a field, with its names resolved in the scope of the class that declares it; its text
    if it cannot be resolved."""
    written = field.type if field.type is not None else Any
    declaring = next((layer for layer in owner.__mro__ if field.name in _declared(layer)), owner)
    names = {**vars(sys.modules.get(declaring.__module__, typing)), declaring.__name__: declaring}

    def holder() -> None: ...

    holder.__annotations__ = {field.name: written}
    try:
        return typing.get_type_hints(holder, names, include_extras=True)[field.name]
    except Exception:  # evaluating the text may raise anything; then the text itself is reported
        return written


def _declared(layer: type) -> dict[str, Any]:
    try:
        return inspect.get_annotations(layer)
    except NameError:  # Python 3.14 evaluates annotations, and one has a name that exists only for type checkers
        return {}
