"""The providers of the imports of a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from .binary import Extern, FuncType, Reference
from .preview_2 import PREVIEW_2, fault_of_preview_2

__all__ = [
    "HOST",
    "HOST_FUNCTIONS",
    "INTERFACE",
    "INTERFACE_FUNCTIONS",
    "PREVIEW_1",
    "WASI_FUNCTIONS",
    "Provider",
    "provider_of",
    "provider_of_interface",
]

HOST: Final = "hyperverse"
"""The module from which the platform's functions are imported."""
PREVIEW_1: Final = "wasi_snapshot_preview1"


def _func(params: str, results: str = "") -> FuncType:
    short = {"i": "i32", "I": "i64"}
    return FuncType(tuple(short[p] for p in params), tuple(short[r] for r in results))


HOST_FUNCTIONS: Final[Mapping[str, FuncType]] = {
    "ping": _func("iiiiii", "I"),
    "signal": _func("iiiiii", "I"),
    "ripple": _func("iiiiii", "I"),
    "log": _func("ii"),
    "state_get": _func("ii", "I"),
    "state_set": _func("iiii", "I"),
    "header": _func("ii", "I"),
    "path": _func("", "I"),
    "agent": _func("", "I"),
    "take": _func("i"),
    "time": _func("", "I"),
    "random": _func("ii"),
}
"""The platform's functions for core modules, by name."""

INTERFACE: Final = "cosmic:hyperverse/host"
"""The interface from which components import the platform's functions."""
_ASKS = "(string, string, string) -> result<string, string>"
INTERFACE_FUNCTIONS: Final[Mapping[str, str]] = {
    "ping": _ASKS,
    "ping-bytes": _ASKS,
    "signal": _ASKS,
    "ripple": _ASKS,
    "log": "(string) -> _",
    "state-get": "(string) -> option<string>",
    "state-set": "(string, string) -> _",
    "header": "(string) -> option<string>",
    "path": "() -> string",
    "agent": "() -> string",
    "carries-bytes": "() -> bool",
    "now": "() -> u64",
    "random": "(u32) -> string",
}
"""The platform's functions for components: the type of each."""

WASI_FUNCTIONS: Final[Mapping[str, FuncType]] = {
    "args_get": _func("ii", "i"),
    "args_sizes_get": _func("ii", "i"),
    "environ_get": _func("ii", "i"),
    "environ_sizes_get": _func("ii", "i"),
    "clock_res_get": _func("ii", "i"),
    "clock_time_get": _func("iIi", "i"),
    "fd_advise": _func("iIIi", "i"),
    "fd_allocate": _func("iII", "i"),
    "fd_close": _func("i", "i"),
    "fd_datasync": _func("i", "i"),
    "fd_fdstat_get": _func("ii", "i"),
    "fd_fdstat_set_flags": _func("ii", "i"),
    "fd_fdstat_set_rights": _func("iII", "i"),
    "fd_filestat_get": _func("ii", "i"),
    "fd_filestat_set_size": _func("iI", "i"),
    "fd_filestat_set_times": _func("iIIi", "i"),
    "fd_pread": _func("iiiIi", "i"),
    "fd_prestat_get": _func("ii", "i"),
    "fd_prestat_dir_name": _func("iii", "i"),
    "fd_pwrite": _func("iiiIi", "i"),
    "fd_read": _func("iiii", "i"),
    "fd_readdir": _func("iiiIi", "i"),
    "fd_renumber": _func("ii", "i"),
    "fd_seek": _func("iIii", "i"),
    "fd_sync": _func("i", "i"),
    "fd_tell": _func("ii", "i"),
    "fd_write": _func("iiii", "i"),
    "path_create_directory": _func("iii", "i"),
    "path_filestat_get": _func("iiiii", "i"),
    "path_filestat_set_times": _func("iiiiIIi", "i"),
    "path_link": _func("iiiiiii", "i"),
    "path_open": _func("iiiiiIIii", "i"),
    "path_readlink": _func("iiiiii", "i"),
    "path_remove_directory": _func("iii", "i"),
    "path_rename": _func("iiiiii", "i"),
    "path_symlink": _func("iiiii", "i"),
    "path_unlink_file": _func("iii", "i"),
    "poll_oneoff": _func("iiii", "i"),
    "proc_exit": _func("i"),
    "proc_raise": _func("i", "i"),
    "random_get": _func("ii", "i"),
    "sched_yield": _func("", "i"),
    "sock_accept": _func("iii", "i"),
    "sock_recv": _func("iiiiii", "i"),
    "sock_send": _func("iiiii", "i"),
    "sock_shutdown": _func("ii", "i"),
}
"""The functions of WASI preview 1."""


_OURS: Final = frozenset({"clock_res_get", "clock_time_get", "poll_oneoff", "random_get"})
"""Functions of WASI preview 1 that the platform implements: wasmtime's would use the computer's own clocks and
randomness, and a sleep that cannot be interrupted."""


@attrs.frozen
class Provider:
    """The provider of an import.

    Attributes:
        name: name of the provider; empty when there is none.
        fault: why the import cannot be provided; empty when it can.
        hint: what to do about it.
    """

    name: str
    fault: str = ""
    hint: str = ""


_BOUND = ("__wbindgen_placeholder__", "__wbindgen_externref_xform__", "wbg")
_ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "wasi_unstable": ("WASI before preview 1 is not supported", "compile it with a newer compiler, for preview 1"),
    "gojs": ("it needs Go's JavaScript file", "build it with GOOS=wasip1"),
    "go": ("it needs Go's JavaScript file", "build it with GOOS=wasip1"),
    "GOT.mem": ("it is a library for dynamic linking", "link it statically"),
    "GOT.func": ("it is a library for dynamic linking", "link it statically"),
}


def provider_of(wanted: Reference) -> Provider:
    """Returns the provider of an import of a module."""
    for module, known, name in ((HOST, HOST_FUNCTIONS, "the platform"), (PREVIEW_1, WASI_FUNCTIONS, "WASI preview 1")):
        if wanted.module == module:
            return _of_module(wanted, known, name)
    if wanted.module in _BOUND or wanted.module.endswith("_bg.js"):
        return Provider("", "it needs the JavaScript of wasm-bindgen", "build it without wasm-bindgen")
    if wanted.module in _ELSEWHERE:
        return Provider("", *_ELSEWHERE[wanted.module])
    if len(wanted.module) == 1 and len(wanted.name) <= 2:
        return Provider(
            "",
            "emscripten shortened its name, so its meaning is lost",
            "build it with -sSTANDALONE_WASM",
        )
    if wanted.module == "env" and wanted.name.startswith(("emscripten_", "_emscripten", "invoke_", "__cxa_", "__sys")):
        return Provider("", "it is a function of emscripten's JavaScript", "build it with -sSTANDALONE_WASM")
    if wanted.module == "env" and wanted.extern is Extern.MEMORY:
        return Provider("", "it imports its memory", "link it so that it exports its own memory")
    return Provider("", "nothing here provides it", f"import from {HOST!r} or {PREVIEW_1!r} only")


def _of_module(wanted: Reference, known: Mapping[str, FuncType], name: str) -> Provider:
    declared = known.get(wanted.name)
    if declared is None:
        from hyperverse_core.errors import did_you_mean

        near = did_you_mean(wanted.name, known)
        return Provider("", f"{wanted.module!r} has no {wanted.name!r}{near}", "look the name up in the reference")
    if known is WASI_FUNCTIONS and wanted.name in _OURS:
        name = "the platform, in place of WASI preview 1"
    if wanted.extern is not Extern.FUNC or (wanted.func is not None and wanted.func != declared):
        return Provider(name, f"it is imported as {wanted}, but is func {declared}", "declare it with that type")
    return Provider(name)


def provider_of_interface(
    name: str, functions: Mapping[str, str] | None, resources: Mapping[str, str] | None = None
) -> Provider:
    """Returns the provider of an import of a component.

    Args:
        name: name of the import.
        functions: the types of the functions imported from it; None when it is not an interface.
        resources: the resource types imported from it, each with the name under which it was first imported.
    """
    plain, _, version = name.partition("@")
    if plain == INTERFACE and functions is not None:
        return _of_interface(functions, version)
    if plain.startswith("wasi:") and functions is not None:
        fault, hint = fault_of_preview_2(plain, version, functions, resources or {})
        return Provider("" if fault else PREVIEW_2[plain].provider, fault, hint)
    return Provider("", "nothing here provides it", f"import from {INTERFACE!r} and WASI preview 2 only")


def _of_interface(functions: Mapping[str, str], version: str) -> Provider:
    from hyperverse_core.errors import did_you_mean

    if version and not version.startswith("0.1."):
        return Provider("", f"version {version} of the interface is not supported", "use version 0.1.0")
    for name, types in functions.items():
        known = INTERFACE_FUNCTIONS.get(name)
        if known is None:
            near = did_you_mean(name, INTERFACE_FUNCTIONS)
            return Provider("", f"the interface has no {name!r}{near}", "look the name up in the reference")
        if types != known:
            return Provider("", f"{name} is imported as {types}, but is {known}", "declare it with that type")
    return Provider("the platform")
