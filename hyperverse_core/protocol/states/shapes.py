"""Functions that analyse annotations."""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, Final

__all__ = ["arms_of", "bare", "is_named_tuple", "is_union"]


def is_union(annotation: Any) -> bool:
    """Returns whether it is ``X | Y``, ``Union`` or ``Optional``."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def arms_of(union: Any) -> tuple[Any, ...]:
    """Returns the types that a union allows."""
    return typing.get_args(union)


def is_named_tuple(annotation: Any) -> bool:
    """Returns whether it is a class made by ``NamedTuple`` or ``namedtuple``."""
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def bare(annotation: Any) -> Any:
    """Returns it without wrappers that do not change the values: ``Annotated``, ``Final``, ``NewType``, an alias."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is Annotated or origin in (Final, typing.Required, typing.NotRequired):
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif annotation is None:
            return type(None)
        else:
            return annotation
