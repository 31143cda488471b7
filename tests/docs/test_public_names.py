"""Every public name has an entry in the reference and a docstring, and no entry is about another name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from docs.pages import REPOSITORY
from docs.public_modules import PUBLIC_MODULES, loaded

REFERENCE = REPOSITORY / "docs" / "reference"
RUNTIME = {"Machine"}
"""Classes that have methods for other parts of the runtime, which are not public."""
_REFERS = re.compile(r"\b(As|See) :meth:`|\barguments\b[^.]* :meth:`", re.MULTILINE)
"""A docstring that leaves the description of its arguments to another method."""
_ENTRY = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
_ERROR = re.compile(r"^\| `(\w+)` \| \d+ \|", re.MULTILINE)


def documented(name: str) -> list[str]:
    """The names that have a line of their own in a table of the section of the module."""
    if name == "hyperverse_core.errors":
        text = (REFERENCE / "errors.md").read_text("utf-8")
        errors = [entry for entry in _ERROR.findall(text) if entry != "NoMachine"]  # it is a name of the package itself
        return [*errors, *_ENTRY.findall(text.partition("## From Python")[2])]
    sections = re.split(r"^## ", (REFERENCE / "python.md").read_text("utf-8"), flags=re.MULTILINE)
    (section,) = (section for section in sections if section.startswith(f"`{name}`\n"))
    return _ENTRY.findall(section)


def docstring(name: str, each: str) -> str:
    """The docstring of a public name; for a constant or an alias the text below its assignment."""
    value = getattr(loaded(name), each)
    if inspect.isclass(value):
        return vars(value).get("__doc__") or ""  # not that of its base
    has_its_own = inspect.isfunction(value) or inspect.ismodule(value)
    return (value.__doc__ if has_its_own else _below_assignment(loaded(name), each)) or ""


def _below_assignment(module: ModuleType, each: str) -> str:
    """Looks where ``module`` has ``each`` from, until it is assigned."""
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    for statement, below in zip(tree.body, tree.body[1:], strict=False):
        match statement, below:
            case (
                (ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target))),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if target == each:
                return text
    for statement in ast.walk(tree):
        if isinstance(statement, ast.ImportFrom) and each in {alias.asname or alias.name for alias in statement.names}:
            relative = "." * statement.level + (statement.module or "")
            home = importlib.util.resolve_name(relative, str(module.__package__))
            return _below_assignment(importlib.import_module(home), each)
    return ""


def methods(cls: type) -> Iterator[str]:
    """The public methods and properties that a class defines. The tests of a kit have names that are sentences."""
    for name, member in vars(cls).items():
        plain: Any = getattr(member, "__func__", member)
        if not name.startswith(("_", "test_")) and (inspect.isfunction(plain) or isinstance(plain, property)):
            yield name


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_what_a_public_module_has_is_documented_and_nothing_else(name: str) -> None:
    assert sorted(documented(name)) == sorted(loaded(name).__all__)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    assert [each for each in loaded(name).__all__ if not docstring(name, each).strip()] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_public_method_has_a_docstring_or_one_that_it_inherits(name: str) -> None:
    missing = []
    for value in (getattr(loaded(name), each) for each in loaded(name).__all__):
        for cls in getattr(value, "__mro__", ()):
            if cls.__module__.startswith("hyperverse_core"):
                missing += [f"{cls.__name__}.{each}" for each in methods(cls) if not inspect.getdoc(getattr(cls, each))]
    assert missing == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_argument_is_described_in_the_docstring(name: str) -> None:
    """In a section ``Args``, or by name in the text. A method that takes what another one takes may refer to it."""
    undescribed = []
    for each in set(loaded(name).__all__) - RUNTIME:
        value = getattr(loaded(name), each)
        own = {method: getattr(value, method) for method in methods(value)} if inspect.isclass(value) else {each: value}
        for method, function in own.items():
            text = inspect.getdoc(function) or ""
            if callable(function) and not _REFERS.search(text):
                undescribed += [f"{each}.{method}: {one}" for one in _arguments(function) if not _describes(text, one)]
    assert undescribed == []


def _describes(text: str, argument: str) -> bool:
    listed = rf"^ +[\w, *]*\b{argument}\b[\w, *]*: "
    return re.search(rf"{listed}|``{argument}\b", text, re.MULTILINE) is not None


def _arguments(function: Any) -> list[str]:
    signature = inspect.signature(function) if inspect.isroutine(function) else inspect.Signature()
    return [argument for argument in signature.parameters if argument != "self" and not argument.startswith("_")]
