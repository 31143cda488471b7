"""Stand-ins for what libraries and commands import: small functions that compilers leave to their JavaScript."""

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
"""Their names, with the types that they may be imported as; any type for none."""
_NUMBERS: Final = frozenset({"i32", "i64", "f32", "f64"})
_KNOWN: Final[Mapping[str, str]] = {
    "env.abort": "trap",
    "env._abort_js": "trap",
    "env.emscripten_memcpy_big": "memcpy",
    "env.emscripten_memcpy_js": "memcpy",
    "env._emscripten_memcpy_js": "memcpy",
    "env.emscripten_resize_heap": "grow",
}
"""What stands in where the document says nothing."""


def stand_in_for(wanted: Reference, chosen: Mapping[str, str]) -> str:
    """The name of what stands in for an import; empty for none.

    Args:
        wanted: the import.
        chosen: what the document says, by the full names of imports.
    """
    if wanted.extern is not Extern.FUNC:
        return ""
    return chosen.get(wanted.full_name) or _KNOWN.get(wanted.full_name, "")


def fault_of_stand_in(wanted: Reference, name: str) -> str:
    """Why it cannot stand in for an import; empty when it can."""
    if wanted.func is None or not _NUMBERS.issuperset((*wanted.func.params, *wanted.func.results)):
        return f"{name!r} cannot stand in for a function whose arguments are not numbers"
    known = STAND_INS[name]
    if known and wanted.func not in known:
        return f"{name!r} cannot stand in for {wanted}: it is func {known[0]}"
    return ""


def stand_ins_given(texts: Iterable[str]) -> dict[str, str]:
    """What an option of the command line says, ``MODULE.NAME=STAND-IN`` each time. Raises BadRequest."""
    found = {}
    for text in texts:
        name, equals, which = text.rpartition("=")
        if not equals or not name:
            raise BadRequest(f"{text!r} is not an import with its stand-in", hint="write --import env.abort=trap")
        if which not in STAND_INS:
            raise BadRequest(
                f"there is no stand-in {which!r}{did_you_mean(which, STAND_INS)}",
                hint=f"there are {', '.join(STAND_INS)}",
            )
        found[name] = which
    return found
