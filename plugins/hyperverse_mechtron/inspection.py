"""Inspects a file: determines the kind of guest, and why it would be refused."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from hyperverse_core.errors import BadRequest, did_you_mean

from .binary import (
    PAGE,
    BinaryForm,
    ComponentContents,
    Contents,
    Extern,
    FuncType,
    Reference,
    form_of,
    read_component,
    read_module,
)
from .host.limits import GuestLimits
from .providers import HOST, PREVIEW_1, Provider, provider_of, provider_of_interface
from .stand_ins import fault_of_stand_in, stand_in_for

if TYPE_CHECKING:  # it imports wasmtime
    from .component_types import Item

__all__ = ["ABI_EXPORTS", "HANDLES", "GuestKind", "Refusal", "Report", "inspect", "of_items"]


class GuestKind(enum.Enum):
    """The kinds of guest; the values are the names shown to readers."""

    CORE = "core module with the Mechtron ABI"
    COMMAND = "WASI preview 1 command"
    LIBRARY = "library"
    COMPONENT = "component"


ABI_EXPORTS = {
    "hv_abi": FuncType((), ("i32",)),
    "hv_alloc": FuncType(("i32",), ("i32",)),
    "hv_handle": FuncType(("i32",) * 4, ("i64",)),
}
"""What a core Mechtron must export besides its memory."""
OPTIONAL_EXPORTS = {
    "hv_free": FuncType(("i32", "i32"), ()),
    "hv_reset": FuncType((), ()),
    "hv_init": FuncType((), ()),
    "hv_save": FuncType((), ("i64",)),
    "hv_load": FuncType(("i32", "i32"), ()),
    "_initialize": FuncType((), ()),
}
HANDLES: Final = frozenset(
    f"(string, {body}) -> result<{answer}, string>"
    for body in ("string", "list<u8>")
    for answer in ("string", "list<u8>")
)
"""The types that the export ``handle`` of a component may have."""
_START = FuncType((), ())
_ABI: Final = 1
"""The supported version of the interface of core modules."""


@attrs.frozen
class Refusal:
    """One reason why a module is refused.

    Attributes:
        what: what is wrong, naming the import or export.
        hint: what to do about it.
    """

    what: str
    hint: str


@attrs.frozen
class Report:
    """What a file contains.

    Attributes:
        kind: the kind of guest.
        imports: its imports, each with its provider.
        exports: its exports.
        memory: initial and maximum size of its memory in bytes; either is None when it is not declared.
        faults: all reasons why it would be refused.
        size: size of the file in bytes.
        starts: whether a function runs by itself on instantiation.
        concurrent: for a component, whether it has async functions.
    """

    kind: GuestKind
    imports: tuple[tuple[Reference, Provider], ...]
    exports: tuple[Reference, ...]
    memory: tuple[int | None, int | None]
    faults: tuple[Refusal, ...]
    size: int
    starts: bool = False
    concurrent: bool = False

    def check(self, what: str) -> None:
        """Raises BadRequest with all faults if there are any.

        Args:
            what: the file's name in the error.
        """
        if self.faults:
            lines = "".join(f"\n  - {fault.what}" for fault in self.faults)
            hints = "; ".join(dict.fromkeys(fault.hint for fault in self.faults))
            raise BadRequest(f"{what} cannot run: it is a {self.kind.value}, and{lines}", hint=hints)


def inspect(binary: bytes, start: str = "_start", stand_ins: Mapping[str, str] | None = None) -> Report:
    """Inspects a file without compiling it.

    Args:
        binary: content of the file.
        start: name of the function that runs a command.
        stand_ins: for a library or command, the stand-in of each import.

    Raises:
        BadRequest: it is not WebAssembly, or it is malformed.
    """
    if form_of(binary) is BinaryForm.COMPONENT:
        return _of_component(read_component(binary), len(binary))
    contents = read_module(binary)
    kind = _kind_of(contents, start)
    chosen = stand_ins or {}
    stands = kind in (GuestKind.LIBRARY, GuestKind.COMMAND)
    imports = tuple((each, (stands and _stand_in(each, chosen)) or provider_of(each)) for each in contents.imports)
    faults = [Refusal(f"import {each.module}.{each.name}: {who.fault}", who.hint) for each, who in imports if who.fault]
    faults += _faults_of(contents, kind, start)
    names = {each.full_name for each in contents.imports} if stands else set()
    for name in chosen.keys() - names:
        near = did_you_mean(name, names)
        faults.append(Refusal(f"the document has a stand-in for {name!r}, which it does not import{near}", "remove it"))
    return Report(kind, imports, contents.exports, _memory(contents), tuple(faults), len(binary), contents.start)


def _kind_of(contents: Contents, start: str) -> GuestKind:
    modules = {each.module for each in contents.imports}
    if HOST in modules or any(each.name in ABI_EXPORTS for each in contents.exports):
        return GuestKind.CORE
    run = contents.export(start)
    if run is not None and (run.func is None or run.func == _START) and (PREVIEW_1 in modules or start == "_start"):
        return GuestKind.COMMAND
    return GuestKind.LIBRARY


def _faults_of(contents: Contents, kind: GuestKind, start: str) -> Iterator[Refusal]:
    for number, memory in enumerate(contents.memories):
        if memory.shared:
            yield Refusal(f"memory {number} is shared between threads", "build it without threads")
        if memory.wide:
            yield Refusal(f"memory {number} has 64-bit addresses", "build it for wasm32")
    most = GuestLimits().tables
    for number, table in enumerate(contents.tables):
        if table.least > most:
            yield Refusal(
                f"table {number} begins with {table.least} elements, at most {most} are allowed", "link it with fewer"
            )
    for told in contents.outside:
        yield Refusal(told, "rebuild it: it cannot be instantiated")
    if contents.abi is not None and contents.abi != _ABI:
        yield Refusal(f"hv_abi() is {contents.abi}, but only {_ABI} is supported", f"return {_ABI}")
    if len(contents.memories) > 1:
        yield Refusal(f"it has {len(contents.memories)} memories", "link it with one memory")
    if kind is GuestKind.CORE:
        yield from _missing_of_core(contents)
    elif kind is GuestKind.COMMAND:
        if not _has_memory(contents):
            yield Refusal("it does not export its memory", "export it under the name 'memory'")
    else:
        yield from _faults_of_library(contents, start)


def _faults_of_library(contents: Contents, start: str) -> Iterator[Refusal]:
    """A module without functions that take or return something was meant to be a command."""
    functions = [each for each in contents.exports if each.extern is Extern.FUNC]
    if PREVIEW_1 in {each.module for each in contents.imports} and all(each.func == _START for each in functions):
        near = did_you_mean(start, [each.name for each in functions])
        yield Refusal(
            f"it imports WASI, but exports neither {start!r}{near} nor the Mechtron ABI",
            "build it as a command, or export hv_abi, hv_alloc and hv_handle",
        )
    elif not functions:
        yield Refusal("it exports no function", "export hv_abi, hv_alloc and hv_handle, or functions to be called")


def _stand_in(wanted: Reference, chosen: Mapping[str, str]) -> Provider | None:
    name = stand_in_for(wanted, chosen)
    if not name:
        return None
    fault = fault_of_stand_in(wanted, name)
    return Provider(f"stand-in {name}", fault, "choose another stand-in in its document" if fault else "")


def _missing_of_core(contents: Contents) -> Iterator[Refusal]:
    if not _has_memory(contents):
        yield Refusal("it does not export its memory", "export it under the name 'memory'")
    for name, declared in {**ABI_EXPORTS, **OPTIONAL_EXPORTS}.items():
        found = contents.export(name)
        if found is None:
            if name in ABI_EXPORTS:
                near = did_you_mean(name, [each.name for each in contents.exports])
                yield Refusal(f"it does not export {name!r}{near}", f"export {name} as func {declared}")
        elif found.extern is not Extern.FUNC or (found.func is not None and found.func != declared):
            yield Refusal(f"export {name} is {found}, but must be func {declared}", f"export {name} as func {declared}")


def _has_memory(contents: Contents) -> bool:
    found = contents.export("memory")
    return found is not None and found.extern is Extern.MEMORY


def _memory(contents: Contents) -> tuple[int | None, int | None]:
    if not contents.memories:
        return (None, None)
    first = contents.memories[0]
    return (first.least * PAGE, None if first.most is None else first.most * PAGE)


def _of_component(contents: ComponentContents, size: int) -> Report:
    """Returns what the names tell. :func:`of_items` tells more, from the types."""
    imports = tuple(
        (Reference("", name, Extern.FUNC, wit=sort), provider_of_interface(name, {})) for name, sort in contents.imports
    )
    exports = tuple(Reference("", name, Extern.FUNC, wit=sort) for name, sort in contents.exports)
    return Report(GuestKind.COMPONENT, imports, exports, (None, None), (), size)


def of_items(imports: Sequence[Item], exports: Sequence[Item], concurrent: bool, size: int) -> Report:
    """Returns what a component is, by its types."""
    faults: list[Refusal] = []
    found = []
    for each in imports:
        functions = None if each.functions is None else {name: func.types for name, func in each.functions}
        who = provider_of_interface(each.name, functions, dict(each.resources))
        if who.fault:
            faults.append(Refusal(f"import {each.name}: {who.fault}", who.hint))
        found.append((Reference("", each.name, Extern.FUNC, wit=each.wit), who))
    faults.extend(_faults_of_exports(exports))
    shown = tuple(Reference("", each.name, Extern.FUNC, wit=each.wit) for each in exports)
    return Report(GuestKind.COMPONENT, tuple(found), shown, (None, None), tuple(faults), size, concurrent=concurrent)


def _faults_of_exports(exports: Sequence[Item]) -> Iterator[Refusal]:
    wanted = "export handle: func(method: string, body: string) -> result<string, string>"
    handle = next((each for each in exports if each.name == "handle"), None)
    if handle is None:
        near = did_you_mean("handle", [each.name for each in exports])
        yield Refusal(f"it does not export 'handle'{near}", f"{wanted}, as in the world cosmic:hyperverse/mechtron")
    elif handle.func is None or handle.func.types not in HANDLES:
        yield Refusal(f"export handle is {handle.wit}, which a wave cannot call", wanted)
