"""Explains a trap in plain words."""

from __future__ import annotations

import wasmtime
from wasmtime import TrapCode

from .limits import MIB, GuestLimits

__all__ = ["told"]

_WORDS = {
    TrapCode.STACK_OVERFLOW: "its calls were nested too deeply",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "it used an address outside of its memory",
    TrapCode.TABLE_OUT_OF_BOUNDS: "it used an index outside of its table",
    TrapCode.INDIRECT_CALL_TO_NULL: "it called a function that is not there",
    TrapCode.BAD_SIGNATURE: "it called a function of another type",
    TrapCode.INTEGER_OVERFLOW: "a whole number became too large",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "it divided by zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "it converted a number that fits no whole number",
    TrapCode.UNREACHABLE: "it gave up (unreachable code was reached)",
    TrapCode.OUT_OF_FUEL: "it used up its fuel",
}
_OF_COMPONENTS = {
    "call stack exhausted": TrapCode.STACK_OVERFLOW,
    "out of bounds memory access": TrapCode.MEMORY_OUT_OF_BOUNDS,
    "undefined element: out of bounds table access": TrapCode.TABLE_OUT_OF_BOUNDS,
    "uninitialized element": TrapCode.INDIRECT_CALL_TO_NULL,
    "indirect call type mismatch": TrapCode.BAD_SIGNATURE,
    "integer overflow": TrapCode.INTEGER_OVERFLOW,
    "integer divide by zero": TrapCode.INTEGER_DIVISION_BY_ZERO,
    "invalid conversion to integer": TrapCode.BAD_CONVERSION_TO_INTEGER,
    "wasm `unreachable` instruction executed": TrapCode.UNREACHABLE,
    "all fuel consumed by WebAssembly": TrapCode.OUT_OF_FUEL,
}
"""The text by which wasmtime reports each trap of a component."""
_TRAP = "wasm trap: "
_NEARLY = 0.9


def told(error: Exception, limits: GuestLimits, used: int | None) -> str:
    """Returns what happened, for the caller of the guest.

    Args:
        error: the exception from wasmtime.
        limits: the limits of the guest.
        used: bytes of memory that it had at the end; None when that is unknown.
    """
    if isinstance(error, wasmtime.Trap):
        try:
            code = error.trap_code
        except ValueError:
            code = None
        text = f"the guest trapped: {_WORDS.get(code, '') if code else ''}" if code in _WORDS else ""
        text = text or f"the guest trapped: {error.message}"
        if code is TrapCode.OUT_OF_FUEL:
            text += f", {limits.fuel} units"
        where = _where(error)
    else:
        text, where = _of_text(str(error).strip().splitlines()[-1].strip(), limits), ""
    if used is not None and used >= limits.memory * _NEARLY:
        text += f"; it had {used / MIB:.1f} of the {limits.memory / MIB:g} MiB of memory that it may have"
    return f"{text}{where}"


def _of_text(last: str, limits: GuestLimits) -> str:
    code = _OF_COMPONENTS.get(last.partition(_TRAP)[2])
    if code is None:
        return f"the guest failed: {last}"
    return f"the guest trapped: {_WORDS[code]}" + (f", {limits.fuel} units" if code is TrapCode.OUT_OF_FUEL else "")


def _where(trap: wasmtime.Trap) -> str:
    names = [frame.func_name for frame in trap.frames[:3] if frame.func_name]
    return f" (in {' < '.join(names)})" if names else ""
