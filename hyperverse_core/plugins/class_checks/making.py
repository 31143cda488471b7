"""Whether an object of a class can be made without arguments."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["needs_arguments"]


def needs_arguments(cls: Any) -> bool:
    """Whether its constructor has an argument without a default."""
    if cls.__init__ is object.__init__:
        return False
    parameters = inspect.signature(cls).parameters.values()
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
