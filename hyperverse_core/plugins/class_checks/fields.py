"""Checks the fields of a particle class for mistakes about its state."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, ClassVar, Final, get_origin

import attrs

from ...contracts.driver import Particle
from .making import needs_arguments
from .mistake import DECLARED, Mistake

__all__ = ["field_mistakes"]

_OWN: Final = frozenset(name for name in vars(Particle) if not name.startswith("__"))
_SHARED: Final = (list, dict, set, bytearray)
_FACTORY: Final[type] = type(attrs.Factory(list))  # its type stub says that it is a function
_FROZEN: Final = attrs.frozen(type("_", (), {})).__setattr__.__name__
"""Name of the method that attrs gives to a frozen class."""
_INNOCENT: Final = (type, FunctionType, ModuleType, type(None))
_TURNS: Final = ("asyncio", "_asyncio", "threading", "_thread", "queue", "_queue", "random")
"""Modules whose objects particles cannot safely share."""


def field_mistakes(cls: type[Particle], *, made_by_driver: bool) -> Iterator[Mistake]:
    """Yields the mistakes in the fields of a class and of its bases.

    Args:
        made_by_driver: whether the driver creates the objects itself, so that it can pass arguments.
    """
    own_state = cls.dump is not Particle.dump
    fields = {field.name: field for field in getattr(cls, "__attrs_attrs__", ())}
    for layer in cls.__mro__:
        if layer is Particle or layer is object:
            continue
        yield from _shared_attributes(layer, fields)
        if not own_state and "__attrs_attrs__" not in vars(layer):
            yield from _not_attrs(layer, fields, made_by_driver)
    for name, field in fields.items():
        yield from _one(cls, name, field, made_by_driver)
    if made_by_driver:
        return
    told = any(field.default is attrs.NOTHING and field.init for field in fields.values())
    if not told and needs_arguments(cls):
        yield Mistake(cls, "it cannot be instantiated without arguments", "give each argument of `__init__` a default")
    if fields and cls.__setattr__.__name__ == _FROZEN:
        yield Mistake(cls, "it is frozen, so no handler can change it", "write `@attrs.define` above it")


def _one(cls: type[Particle], name: str, field: Any, made_by_driver: bool) -> Iterator[Mistake]:
    default = field.default
    method = _method_of_that_name(cls, name, default)
    if method is not None:
        yield Mistake(cls, f"a field and a method are named {name!r}", "rename one of them", method, name)
        return
    if name in _OWN:
        cure = f"write `{name} = ...` without a type" if name == "concurrent" else "rename the field"
        yield Mistake(cls, f"the field {name!r} hides an attribute that every particle has", cure, name=name)
    if default is attrs.NOTHING:
        if field.init and not made_by_driver:
            cure = "give it a default: a particle is created without arguments"
            yield Mistake(cls, f"the field {name!r} has no default", cure, name=name)
        elif not field.init and not field.metadata.get("transient"):
            said = f"the field {name!r} has neither a default nor an argument"
            yield Mistake(cls, said, "give it a default, or declare it by `transient`", name=name)
        return
    if isinstance(default, _FACTORY):
        return
    if _is_shared(default, transient=bool(field.metadata.get("transient"))):
        kind = type(default).__name__
        said = f"the field {name!r} has a default that all particles would share, of type {kind}"
        yield Mistake(cls, said, f"write `attrs.Factory({_maker(default)})`", name=name)


def _method_of_that_name(cls: type[Particle], name: str, default: Any) -> int | None:
    """Returns the line of a method with the name of a field; None if there is none."""
    if isinstance(default, FunctionType) and default.__qualname__.endswith(f"{cls.__name__}.{name}"):
        return default.__code__.co_firstlineno
    for layer in cls.__mro__:
        for declared, line in vars(layer).get(DECLARED, ()):
            if declared == name:
                return int(line)
        found = vars(layer).get(name)
        if isinstance(found, FunctionType) and layer is not Particle:
            return found.__code__.co_firstlineno
    return None


def _is_shared(default: Any, *, transient: bool) -> bool:
    try:
        hash(default)
    except TypeError:
        return True
    kind: Any = type(default)
    if kind.__hash__ is not object.__hash__ or isinstance(default, _INNOCENT) or kind is object:
        return False
    return not transient or kind.__module__.partition(".")[0] in _TURNS


def _maker(default: Any) -> str:
    kind = type(default)
    if kind in _SHARED:
        return f"lambda: {default!r}" if default else kind.__name__
    return f"lambda: {kind.__name__}(...)"


def _shared_attributes(layer: type, fields: Any) -> Iterator[Mistake]:
    hints: Any = None
    for name, value in vars(layer).items():
        if type(value) not in _SHARED or name.startswith("__") or name.isupper() or name in fields:
            continue
        hints = inspect.get_annotations(layer) if hints is None else hints
        if name in hints:
            continue  # a ClassVar, or reported as a field of a class that is not an attrs class
        said = f"{name!r} is a {type(value).__name__} that all particles share, not a field"
        cure = f"annotate it and write `attrs.Factory({type(value).__name__})`; or annotate it as a ClassVar"
        yield Mistake(layer, said, cure, name=name)


def _not_attrs(layer: type, fields: Any, made_by_driver: bool) -> Iterator[Mistake]:
    hints = inspect.get_annotations(layer)
    lost = [name for name, hint in hints.items() if not _is_class_variable(hint) and name not in fields]
    dataclass = "@dataclass" if "__dataclass_fields__" in vars(layer) else ""
    cure = f"write `@attrs.define` {'instead of `@dataclass`' if dataclass else 'above it'}"
    if lost:
        names = ", ".join(map(repr, lost))
        said = f"it is not an attrs class, so {names} would not be saved"
        yield Mistake(layer, said, cure)
    elif "__init__" in vars(layer) and not made_by_driver and issubclass(layer, Particle):
        said = "it has an `__init__` and is not an attrs class, so the attributes that it sets would not be saved"
        yield Mistake(layer, said, f"{cure}, with fields; mark attributes that are not to be saved as `transient`")


def _is_class_variable(hint: Any) -> bool:
    if isinstance(hint, str):
        return hint.replace("typing.", "").startswith("ClassVar")
    return hint is ClassVar or get_origin(hint) is ClassVar
