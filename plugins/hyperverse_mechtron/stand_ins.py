"""Stand-ins for imports of libraries and commands: small functions that compilers leave to their JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from hyperverse_core.errors import BadRequest, did_you_mean

from .binary import Extern, FuncType, Reference

__all__ = ["STAND_INS", "fault_of_stand_in", "stand_in_for", "stand_ins_given"]

STAND_INS: Final[Mapping[str, tuple[FuncType, ...]]] = {
    "memcpy": (FuncType(("i32",) * 3, ()), FuncType(("i32",) * 3, ("i32",))),
    "grow": (FuncType(("i32",), ("i32",)),),
    "trap": (),
}
"""The stand-ins by name, with the types that the import may have; empty means any type."""
_NUMBERS: Final = frozenset({"i32", "i64", "f32", "f64"})
_KNOWN: Final[Mapping[str, str]] = {
    "env.abort": "trap",
    "env._abort_js": "trap",
    "env.emscripten_memcpy_big": "memcpy",
    "env.emscripten_memcpy_js": "memcpy",
    "env._emscripten_memcpy_js": "memcpy",
    "env.emscripten_resize_heap": "grow",
}
"""The stand-ins used when the document names none."""


def stand_in_for(wanted: Reference, chosen: Mapping[str, str]) -> str:
    """Returns the name of the stand-in for an import; empty for none.

    Args:
        wanted: the import.
        chosen: the choices of the document, by full name of the import.
    """
    if wanted.extern is not Extern.FUNC:
        return ""
    return chosen.get(wanted.full_name) or _KNOWN.get(wanted.full_name, "")


def fault_of_stand_in(wanted: Reference, name: str) -> str:
    """Returns why a stand-in does not fit an import; empty when it fits."""
    if wanted.func is None or not _NUMBERS.issuperset((*wanted.func.params, *wanted.func.results)):
        return f"{name!r} cannot stand in for a function whose arguments are not numbers"
    known = STAND_INS[name]
    if known and wanted.func not in known:
        return f"{name!r} cannot stand in for {wanted}: it is func {known[0]}"
    return ""


def stand_ins_given(texts: Iterable[str]) -> dict[str, str]:
    """Parses a command-line option, ``MODULE.NAME=STAND-IN`` each time. Raises BadRequest."""
    found = {}
    for text in texts:
        name, equals, which = text.rpartition("=")
        if not equals or not name:
            raise BadRequest(f"{text!r} is not an import and its stand-in", hint="write --import env.abort=trap")
        if which not in STAND_INS:
            raise BadRequest(
                f"there is no stand-in {which!r}{did_you_mean(which, STAND_INS)}",
                hint=f"choose from {', '.join(STAND_INS)}",
            )
        found[name] = which
    return found
