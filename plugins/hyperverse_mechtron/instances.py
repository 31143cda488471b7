"""How instances are made for worker processes: what the machine writes of one, and what a worker makes of that."""

from __future__ import annotations

from typing import Any

from .binary import Extern, FuncType
from .code import Code
from .document import Document
from .host.limits import GuestLimits
from .inspection import GuestKind
from .providers import HOST, INTERFACE, PREVIEW_1
from .stand_ins import stand_in_for
from .worker_messages import Recipe

__all__ = ["asks_state", "made", "recipe_of"]


def recipe_of(code: Code, document: Document, kept: dict[str, Any]) -> Recipe:
    """What a worker needs to make an instance.

    Args:
        kept: what was saved of it; empty for nothing.
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
    )


def takes_bytes(code: Code) -> bool:
    """Whether a component takes bodies as ``list<u8>``, not as strings."""
    handle = next((str(each) for each in code.report.exports if each.name == "handle"), "")
    return "list<u8>)" in handle.partition(" -> ")[0]


def asks_state(code: Code) -> bool:
    """Whether a guest can ask for what it has under keys."""
    for each, _ in code.report.imports:
        if each.module == HOST and each.name.startswith("state_"):
            return True
        if each.name.startswith(INTERFACE) and "state-" in str(each):
            return True
    return False


def _library(code: Code, document: Document) -> list[Any]:
    imports, exports = [each for each, _ in code.report.imports], code.report.exports
    stand_ins = []
    for each in imports:
        name = stand_in_for(each, document.stand_ins)
        if name and each.func is not None:
            stand_ins.append([each.module, each.name, [each.func.params, each.func.results], name])
    functions = {
        each.name: None if each.func is None else [each.func.params, each.func.results]
        for each in exports
        if each.extern is Extern.FUNC
    }
    memory = next((each.name for each in exports if each.extern is Extern.MEMORY), "")
    return [functions, memory, document.malloc, stand_ins]


def made(recipe: Recipe, module: Any, limits: GuestLimits, keeper: Any) -> Any:
    """An instance, in the process where it runs."""
    if recipe.kind == GuestKind.COMPONENT.name:
        from .host.component_guest import ComponentGuest

        return ComponentGuest(module, limits, takes_bytes=recipe.takes_bytes)
    if recipe.kind == GuestKind.LIBRARY.name:
        from .host.library_guest import LibraryGuest

        functions, memory, malloc, stand_ins = recipe.library
        return LibraryGuest(
            module,
            limits,
            {name: None if types is None else _type(types) for name, types in functions.items()},
            memory=memory,
            malloc=malloc,
            stand_ins=[(where, name, _type(types), which) for where, name, types, which in stand_ins],
            wasi=recipe.wasi,
            frozen=keeper,
        )
    from .host.core import CoreGuest

    own = keeper if recipe.keeps == "save" else None
    return CoreGuest(module, limits, wasi=recipe.wasi, frozen=None if own is not None else keeper, own=own)


def _type(types: Any) -> FuncType:
    params, results = types
    return FuncType(tuple(params), tuple(results))
