"""Names of a public module that are imported when somebody asks for them.

A public module lists each name twice: under ``TYPE_CHECKING`` for type checkers and editors, and in a table of homes
for the running program. A test holds both lists together.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazily"]


def lazily(
    module: str, package: str, homes: Mapping[str, str]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """What a public module needs to import its names on demand: its ``__all__``, ``__getattr__`` and ``__dir__``.

    Args:
        module: the module's ``__name__``.
        package: the module's ``__package__``; homes are relative to it.
        homes: the names that each module provides, separated by blanks, by the path of the module.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    names = sorted(home_of)

    def getattr_(name: str) -> Any:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{home}", package), name)
        vars(sys.modules[module])[name] = value
        return value

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[module]), *names})

    return names, getattr_, dir_
