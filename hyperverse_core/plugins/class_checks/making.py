"""Checks whether a class can be instantiated without arguments."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

__all__ = ["needs_arguments"]


def needs_arguments(cls: Any) -> bool:
    """Returns whether the constructor has an argument without a default."""
    init = cls.__init__
    if init is object.__init__:
        return False
    if type(init) is FunctionType and "__wrapped__" not in init.__dict__ and cls.__new__ is object.__new__:
        code = init.__code__  # inspect.signature would take half of the time of all checks
        given = len(init.__defaults__ or ()) + len(init.__kwdefaults__ or ())
        return code.co_argcount + code.co_kwonlyargcount - 1 > given
    parameters = inspect.signature(cls).parameters.values()
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
