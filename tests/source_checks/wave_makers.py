"""Finds where a source file makes waves by hand: calls of Ping, Signal and Ripple, and of what stands for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

__all__ = ["makers"]

WAVES: Final = frozenset({"Ping", "Signal", "Ripple"})
_PASSED_ON: Final = "partial"


def makers(source: str) -> list[str]:
    """The functions that make a wave, in order: ``Class.function``, or ``<module>`` outside of any.

    A wave may be called by another name (``import Ping as P``, ``maker = Ping``), by its module (``wave.Ping``), be
    given its fields by ``partial``, or be chosen by its type (``type(wave)(...)``)."""
    tree = ast.parse(source)
    names = WAVES | set(_other_names(tree))
    return sorted({_function(path) for path, call in _calls(tree, ()) if _makes_wave(call, names)})


def _other_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.name in WAVES and alias.asname)
        elif isinstance(node, ast.Assign) and _name(node.value) in WAVES:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _calls(node: ast.AST, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ast.Call]]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        path = (*path, node.name)
    if isinstance(node, ast.Call):
        yield path, node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, path)


def _function(path: tuple[str, ...]) -> str:
    return ".".join(path) or "<module>"


def _makes_wave(call: ast.Call, names: set[str] | frozenset[str]) -> bool:
    called = call.func
    if isinstance(called, ast.Call):  # type(wave)(...)
        return _name(called.func) == "type" and "wave" in ast.unparse(called).lower()
    if _name(called) == _PASSED_ON:
        return any(_name(argument) in names for argument in call.args)
    return _name(called) in names


def _name(value: ast.expr) -> str:
    if isinstance(value, ast.Attribute):
        return value.attr
    return value.id if isinstance(value, ast.Name) else ""
