"""Instances in worker processes: the recipe that the machine sends, and the instance that a worker makes from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .binary import Extern, FuncType
from .code import Code
from .document import Document
from .host.limits import GuestLimits
from .inspection import GuestKind, Report
from .providers import HOST, INTERFACE, PREVIEW_1
from .stand_ins import stand_in_for
from .worker_messages import Recipe

__all__ = ["asks_state", "made", "recipe_of", "stand_ins_of", "stand_ins_there"]


def recipe_of(code: Code, document: Document, kept: dict[str, Any]) -> Recipe:
    """Returns what a worker needs to make an instance.

    Args:
        kept: what was saved of the instance; empty for nothing.
    """
    report, limits = code.report, document.limits
    return Recipe(
        report.kind.name,
        str(code.path),
        (limits.seconds, limits.memory, limits.fuel, limits.output, limits.tables),
        any(each.module == PREVIEW_1 for each, _ in report.imports),
        takes_bytes(code),
        _library(code, document) if report.kind is GuestKind.LIBRARY else None,
        document.state if document.state in ("memory", "save") else "",
        report.starts,
        kept,
        stand_ins_of(report, document.stand_ins),
        (document.name, *document.grants.arguments) if report.kind is GuestKind.COMPONENT else (),
        document.grants.environment if report.kind is GuestKind.COMPONENT else {},
        report.concurrent,
    )


def takes_bytes(code: Code) -> bool:
    """Whether a component takes bodies as ``list<u8>``, not as strings."""
    handle = next((str(each) for each in code.report.exports if each.name == "handle"), "")
    return "list<u8>)" in handle.partition(" -> ")[0]


def asks_state(code: Code) -> bool:
    """Whether a guest can read the keys of its state."""
    for each, _ in code.report.imports:
        if each.module == HOST and each.name.startswith("state_"):
            return True
        if each.name.startswith(INTERFACE) and "state-" in str(each):
            return True
    return False


def stand_ins_of(report: Report, chosen: Mapping[str, str]) -> list[Any]:
    """Returns the stand-ins for imports of a library or command: module, name, type and stand-in of each.

    Args:
        report: what the module is.
        chosen: the stand-ins that its document chooses.
    """
    if report.kind not in (GuestKind.LIBRARY, GuestKind.COMMAND):
        return []
    found = []
    for each, _ in report.imports:
        name = stand_in_for(each, chosen)
        if name and each.func is not None:
            found.append([each.module, each.name, [each.func.params, each.func.results], name])
    return found


def stand_ins_there(written: Sequence[Any]) -> list[Any]:
    """Turns the stand-ins of a recipe back into what functions are made from."""
    return [(where, name, _type(types), which) for where, name, types, which in written]


def _library(code: Code, document: Document) -> list[Any]:
    exports = code.report.exports
    functions = {
        each.name: None if each.func is None else [each.func.params, each.func.results]
        for each in exports
        if each.extern is Extern.FUNC
    }
    memory = next((each.name for each in exports if each.extern is Extern.MEMORY), "")
    return [functions, memory, document.malloc]


def made(recipe: Recipe, module: Any, limits: GuestLimits, keeper: Any, owner: object = None) -> Any:
    """Makes an instance, in the process that runs it. All instances of an owner end when it does."""
    if recipe.kind == GuestKind.COMPONENT.name:
        from .host.component_guest import ComponentGuest
        from .host.preview_2_guest import Preview2

        wasi = Preview2(recipe.arguments, recipe.environment)
        return ComponentGuest(
            module, limits, takes_bytes=recipe.takes_bytes, wasi=wasi, concurrent=recipe.concurrent, owner=owner
        )
    if recipe.kind == GuestKind.LIBRARY.name:
        from .host.library_guest import LibraryGuest

        functions, memory, malloc = recipe.library
        return LibraryGuest(
            module,
            limits,
            {name: None if types is None else _type(types) for name, types in functions.items()},
            memory=memory,
            malloc=malloc,
            stand_ins=stand_ins_there(recipe.stand_ins),
            wasi=recipe.wasi,
            frozen=keeper,
            owner=owner,
        )
    from .host.core import CoreGuest

    own = keeper if recipe.keeps == "save" else None
    frozen = None if own is not None else keeper
    return CoreGuest(module, limits, wasi=recipe.wasi, frozen=frozen, own=own, owner=owner)


def _type(types: Any) -> FuncType:
    params, results = types
    return FuncType(tuple(params), tuple(results))
