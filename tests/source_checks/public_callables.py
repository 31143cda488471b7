"""Finds the public functions and methods, which errors they raise, and how their docstrings describe an argument."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from docs.public_modules import PUBLIC_MODULES, loaded
from hyperverse_core import errors

__all__ = ["PublicCallable", "errors_raised", "public_callables", "units_missing"]

OURS = "hyperverse_"
_ERRORS = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
_REFERS = re.compile(r"\b(As|See|as of|Made by) :meth:`|\barguments\b[^.]* :meth:`")
"""A docstring that leaves the description of its arguments to another method."""
_TIME = re.compile(r"\bseconds?\b|\b(part|share|probability|ratio)\b")
"""What an argument that is a fraction counts; most of them are times."""
_EVERY = re.compile(r"\w+: any method\b|\bEvery method raises\b(?:[^.]|\.(?=\w))*")
"""What the docstring of a class says of all its methods."""
_SIZE_NAME = re.compile(r"(^|_)(bytes|size|memory)$")


@attrs.frozen
class PublicCallable:
    """A public function, or a method of a public class.

    Attributes:
        name: as an error names it.
        function: its code.
        docstring: its own or the one that it inherits; of ``__init__``, that of the class.
        owner: the class that it is a method of.
        around: what that class, or one that it inherits from, says of every method.
    """

    name: str
    function: Callable[..., Any]
    docstring: str
    owner: type | None = None
    around: str = ""


def public_callables() -> Iterator[PublicCallable]:
    """Each one once. A class that is no test of a kit is asked for its methods, and for those that it inherits."""
    seen: set[Any] = set()
    for module in PUBLIC_MODULES:
        for name in loaded(module).__all__:
            value = getattr(loaded(module), name)
            if inspect.isfunction(value):
                found = [PublicCallable(name, value, inspect.getdoc(value) or "")]
            else:
                found = list(_methods(name, value)) if inspect.isclass(value) else []
            yield from (each for each in found if each.function not in seen)
            seen |= {each.function for each in found}


def _methods(name: str, cls: type) -> Iterator[PublicCallable]:
    families = [one for one in cls.__mro__ if one.__module__.startswith(OURS)]
    around = "\n".join(_EVERY.findall("\n".join(vars(one).get("__doc__") or "" for one in families)))
    for family in families:
        for method, member in vars(family).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if not inspect.isfunction(function) or method.startswith("test_"):
                continue
            if method == "__init__":
                yield PublicCallable(name, function, inspect.getdoc(cls) or "", cls, around)
            elif not method.startswith("_"):
                told = inspect.getdoc(getattr(cls, method)) or ""
                yield PublicCallable(f"{name}.{method}", function, told, cls, around)


def errors_raised(each: PublicCallable) -> set[str]:
    """Names of our errors that a function makes and raises itself, or through what it calls: a function of a module of
    ours, or a private method of its own class."""
    found = _made(each.function)
    for node in ast.walk(_tree(each.function)):
        called: Any = None
        match node:
            case ast.Call(func=ast.Name(id=name)):
                called = inspect.unwrap(each.function).__globals__.get(name)  # type: ignore[attr-defined]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name)) if name.startswith("_"):
                called = getattr(each.owner, name, None)
        called = getattr(called, "__func__", called)
        if inspect.isfunction(called) and called.__module__.startswith((OURS, each.function.__module__)):
            found |= _made(called)
    return found


def _made(function: Callable[..., Any]) -> set[str]:
    made = set()
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            called = node.exc.func
            made.add(called.id if isinstance(called, ast.Name) else getattr(called, "attr", ""))
    return made & _ERRORS


def _tree(function: Callable[..., Any]) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except OSError:  # `attrs` has made it
        return ast.Module([], [])


def units_missing(each: PublicCallable) -> list[str]:
    """The arguments that are times or sizes and are described without their unit."""
    if _REFERS.search(each.docstring):
        return []
    missing = []
    for name, parameter in inspect.signature(each.function).parameters.items():
        said = _description(each.docstring, name)
        kind = str(parameter.annotation)
        is_size = kind.startswith("int") and _SIZE_NAME.search(name)
        if ("float" in kind and not _TIME.search(said)) or (is_size and "byte" not in said):
            missing.append(f"{each.name}: {name}")
    return missing


def _description(docstring: str, argument: str) -> str:
    """What the section ``Args`` or ``Attributes`` says of an argument, and the sentences that name it."""
    listed = rf"^( +)[\w, *]*\b{argument}\b[\w, *]*: (.*(?:\n\1 +.*)*)"
    found = [match.group(2) for match in re.finditer(listed, docstring, re.MULTILINE)]
    sentences = re.split(r"(?<=[.:;])\s", docstring)
    return " ".join([*found, *(sentence for sentence in sentences if f"``{argument}" in sentence)])
