"""What host functions return to waiting guests, and WebAssembly numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import wasmtime

__all__ = ["NUMBERS", "GuestAnswer", "Waiting", "func_type", "signed"]

NUMBERS: Final = ("i32", "i64", "f32", "f64")
"""Number types; the position of each is its number in the raw bindings."""
_WRAP: Final = {32: (1 << 31, 1 << 32), 64: (1 << 63, 1 << 64)}


class Waiting:
    """A guest that is waiting in a host function.

    Attributes:
        done: whether the answer has arrived.
        result: the answer.
        fault: what the guest is to trap with instead; empty for none.
        tell: tells wasmtime that the guest can continue; None when nobody needs to be told.
        flag: what wasmtime checks meanwhile, and once more after ``tell``.
    """

    __slots__ = ("done", "fault", "flag", "result", "tell")

    def __init__(self) -> None:
        self.done = False
        self.result: Any = 0
        self.fault = ""
        self.tell: Callable[[], None] | None = None
        self.flag: Any = None

    def end(self) -> None:
        """Marks the answer as arrived. The call of the guest must still be open."""
        tell, self.tell = self.tell, None
        self.done = True
        if tell is not None:
            tell()


@attrs.frozen
class GuestAnswer:
    """A value of type ``result``. A guest gives a string or bytes as its payload, and None for no payload."""

    ok: bool
    value: Any


def signed(value: int, bits: int) -> int:
    """Converts an unsigned number of ``bits`` bits to a signed one."""
    half, whole = _WRAP[bits]
    value &= whole - 1
    return value - whole if value >= half else value


def func_type(params: Sequence[str], results: Sequence[str]) -> wasmtime.FuncType:
    """Returns the type of a function that takes and returns numbers."""
    types = {each: getattr(wasmtime.ValType, each) for each in NUMBERS}
    return wasmtime.FuncType([types[p]() for p in params], [types[r]() for r in results])
