"""Finds the private names of other projects that a source file uses.

A name with one leading underscore is private to the project that defines it. This is found in the text of the program,
without running it, so it is a search with rules:

- an import of a private module, or of a private name from a module;
- ``importlib.import_module("package._module")``;
- ``value._name`` and ``getattr(value, "_name")``, where ``value`` comes from a module that is not ours: it is one, is
  made by a call of one, or is annotated with one of its types;
- the same on any value other than ``self`` and ``cls``, where the file does not define ``_name``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

__all__ = ["OURS", "Use", "private_uses"]

OURS: Final = frozenset(
    {"hyperverse_core", *(path.name for path in (Path(__file__).parents[2] / "plugins").glob("hyperverse_*"))}
)
"""Top-level packages of the project."""
_PUBLIC: Final = frozenset({"os._exit", "sys._current_frames", "sys._getframe"})
"""Names that Python documents in spite of their underscore."""
_OF_NAMED_TUPLES: Final = frozenset({"_asdict", "_field_defaults", "_fields", "_make", "_replace"})
"""So are these."""
_GETTERS: Final = frozenset({"getattr", "setattr", "hasattr", "delattr"})


@attrs.frozen
class Use:
    """One use.

    Attributes:
        name: what is private, without what leads to it: ``_thread``, or ``re._parser`` for a module.
        line: where it is, counted from 1.
    """

    name: str
    line: int


def private_uses(source: str) -> list[Use]:
    """The private names of other projects in a Python file, in the order of their lines."""
    tree = ast.parse(source)
    values = _Values(tree)
    return sorted({use for node in ast.walk(tree) for use in values.uses(node)}, key=lambda use: (use.line, use.name))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in _OF_NAMED_TUPLES


def _has_private(module: str) -> bool:
    return any(map(_is_private, module.split(".")))


class _Values:
    """What the names of one file stand for."""

    def __init__(self, tree: ast.Module) -> None:
        self._defined = set(_defined(tree))
        self._foreign = set(_foreign_imports(tree))
        for target, made_of in _assignments(tree):
            if self._is_foreign(made_of):
                self._foreign.add(ast.unparse(target))

    def uses(self, node: ast.AST) -> Iterator[Use]:
        """What of others is private in this node."""
        if isinstance(node, ast.Import):
            yield from (Use(alias.name, node.lineno) for alias in node.names if _has_private(alias.name))
        elif isinstance(node, ast.ImportFrom):
            yield from self._of_import(node)
        elif isinstance(node, ast.Call):
            yield from self._of_call(node)
        elif isinstance(node, ast.Attribute):
            yield from self._of_attribute(node)

    def _of_attribute(self, node: ast.Attribute) -> Iterator[Use]:
        if not _is_private(node.attr) or node.attr in _OF_NAMED_TUPLES or ast.unparse(node) in _PUBLIC:
            return
        if self._is_others(node.value, node.attr):
            yield Use(node.attr, node.lineno)

    @staticmethod
    def _of_import(node: ast.ImportFrom) -> Iterator[Use]:
        module = node.module or ""
        if node.level or module.partition(".")[0] in OURS:
            return
        for alias in node.names:
            whole = f"{module}.{alias.name}"
            if _has_private(whole) and whole not in _PUBLIC:
                yield Use(whole, node.lineno)

    def _of_call(self, node: ast.Call) -> Iterator[Use]:
        called = ast.unparse(node.func).rpartition(".")[2]
        texts = [arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else "" for arg in node.args]
        if called == "import_module" and texts and _has_private(texts[0]):
            yield Use(texts[0], node.lineno)
        elif (
            called in _GETTERS and len(texts) > 1 and _is_private(texts[1]) and self._is_others(node.args[0], texts[1])
        ):
            yield Use(texts[1], node.lineno)

    def _is_others(self, value: ast.expr, name: str) -> bool:
        if self._is_foreign(value):
            return True
        return not _is_own(value) and name not in self._defined

    def _is_foreign(self, value: ast.expr) -> bool:
        """Whether it is a module of others, something of one, made by a call of one, or annotated so."""
        if isinstance(value, ast.BinOp):  # a union of types
            return self._is_foreign(value.left) or self._is_foreign(value.right)
        if isinstance(value, (ast.Await, ast.Subscript)):
            return self._is_foreign(value.value)
        if isinstance(value, ast.Call):
            return self._is_foreign(value.func)
        if ast.unparse(value) in self._foreign:
            return True
        return isinstance(value, ast.Attribute) and self._is_foreign(value.value)


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names that the file gives to something: functions, classes, variables, fields."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node.value):
            yield node.attr


def _foreign_imports(tree: ast.Module) -> Iterator[str]:
    """Names of the modules of others, and of what is imported from them, as the file calls them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] not in OURS:
                    yield alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] not in OURS:
            for alias in node.names:
                # Types and functions of Python itself hold values of ours: a list of ours is no value of others.
                if (node.module or "").partition(".")[0] not in _CONTAINERS:
                    yield alias.asname or alias.name


_CONTAINERS: Final = frozenset({"__future__", "typing", "collections", "contextlib", "functools", "dataclasses", "abc"})


def _assignments(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is assigned or annotated, and what with, in the order of the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            yield node.target, node.annotation
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Call, ast.Await)):
            yield from ((target, node.value) for target in node.targets)
        elif isinstance(node, ast.arg) and node.annotation is not None:
            yield ast.Name(node.arg), node.annotation
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            yield from ((item.optional_vars, item.context_expr) for item in node.items if item.optional_vars)
