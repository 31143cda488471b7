"""The public modules of the core: what everybody else may import."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

__all__ = ["PUBLIC_MODULES", "declared", "imported_modules", "loaded"]

PUBLIC_MODULES = (
    "hyperverse_core",
    "hyperverse_core.blobs",
    "hyperverse_core.commands",
    "hyperverse_core.driver",
    "hyperverse_core.errors",
    "hyperverse_core.gateway",
    "hyperverse_core.policy",
    "hyperverse_core.registry",
    "hyperverse_core.testing",
    "hyperverse_core.transport",
    "hyperverse_core.values",
)


def loaded(name: str) -> ModuleType:
    """The module of that name."""
    return importlib.import_module(name)


def declared(name: str) -> set[str]:
    """The names that a type checker sees in a module: what it imports ``as`` the same name, or lists in ``__all__``."""
    file = loaded(name).__file__
    assert file is not None
    tree = ast.parse(Path(file).read_text("utf-8"))
    found = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names))
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List(elts=names))
            ):
                found.update(name.value for name in names if isinstance(name, ast.Constant))
    return found - {"__version__"}


def imported_modules(source: str) -> set[str]:
    """The absolute modules that a program imports, wherever it does so: at the top, in a function, for types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module)
    return found
