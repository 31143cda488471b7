"""Finds who writes an attribute: where it is assigned or deleted, and where what it holds is changed in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

__all__ = ["written"]

_CHANGING: Final = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)
"""Methods of dicts, lists and sets that change them."""
_SETTERS: Final = frozenset({"setattr", "delattr"})


def written(source: str, *, beside_own: bool = False) -> set[str]:
    """The attributes that a file writes.

    Args:
        source: its text.
        beside_own: leave out what an object writes of itself (``self.name = ...``).
    """
    return {
        attribute.attr
        for node in ast.walk(ast.parse(source))
        for attribute in _attributes(node)
        if not (beside_own and ast.unparse(attribute.value) == "self")
    }


def _attributes(node: ast.AST) -> Iterator[ast.Attribute]:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield from _of(node.value)
    elif isinstance(node, ast.AugAssign):
        yield from _of(node.target)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        yield from _of(node.func.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SETTERS:
        name = node.args[1]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield ast.Attribute(node.args[0], name.value, ast.Store())


def _of(value: ast.expr) -> Iterator[ast.Attribute]:
    if isinstance(value, ast.Attribute):
        yield value
