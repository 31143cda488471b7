"""Determines whether all new objects of a class have the same durable state, so that it needs to be encoded only
once."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["begin_alike"]

_PLAIN = (bool, int, float, str, bytes, type(None))
_EMPTY = (list, dict, set)
_FACTORY: Any = attrs.Factory  # a class, which attrs types as a function


def begin_alike(cls: type) -> bool:
    """Returns whether objects of ``cls`` that are created without arguments certainly have the same durable state.

    That is the case with defaults that are plain values or empty collections. A factory, a converter, or code of the
    class that runs while an object is created may give each a different state."""
    if not attrs.has(cls):
        return True  # no durable fields
    own = vars(cls)
    if "__attrs_attrs__" not in own or "__attrs_init__" in own or cls.__new__ is not object.__new__:
        return False  # a subclass that attrs has not processed, or a custom way to create objects
    if hasattr(cls, "__attrs_pre_init__") or hasattr(cls, "__attrs_post_init__"):
        return False
    return all(_is_certain(field) for field in attrs.fields(cls) if not field.metadata.get("transient"))


def _is_certain(field: attrs.Attribute[Any]) -> bool:
    default: Any = field.default
    if field.converter is not None:
        return False
    if isinstance(default, _FACTORY):
        return not default.takes_self and default.factory in _EMPTY
    return type(default) in _PLAIN
