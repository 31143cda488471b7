"""What functions of ours give guests that wait, and numbers as WebAssembly has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import wasmtime

__all__ = ["NUMBERS", "GuestAnswer", "Waiting", "func_type", "signed"]

NUMBERS: Final = ("i32", "i64", "f32", "f64")
"""Types of numbers; the place of each is its number in the raw bindings."""
_WRAP: Final = {32: (1 << 31, 1 << 32), 64: (1 << 63, 1 << 64)}


class Waiting:
    """A guest that waits in a function of ours.

    Attributes:
        done: whether the answer is there.
        result: the answer.
        fault: what the guest is to trap with instead; empty for none.
        tell: tells wasmtime that the guest can go on; None when nobody has to be told.
        flag: what wasmtime looks at meanwhile, and once more when that was told.
    """

    __slots__ = ("done", "fault", "flag", "result", "tell")

    def __init__(self) -> None:
        self.done = False
        self.result: Any = 0
        self.fault = ""
        self.tell: Callable[[], None] | None = None
        self.flag: Any = None

    def end(self) -> None:
        """The answer is there. The call of the guest must not be closed yet."""
        tell, self.tell = self.tell, None
        self.done = True
        if tell is not None:
            tell()


@attrs.frozen
class GuestAnswer:
    """A value of the type ``result``. Its value is a text or bytes where a guest gives it, and None for none."""

    ok: bool
    value: Any


def signed(value: int, bits: int) -> int:
    """A number of so many bits with its sign."""
    half, whole = _WRAP[bits]
    value &= whole - 1
    return value - whole if value >= half else value


def func_type(params: Sequence[str], results: Sequence[str]) -> wasmtime.FuncType:
    """The type of a function that takes and gives numbers."""
    types = {each: getattr(wasmtime.ValType, each) for each in NUMBERS}
    return wasmtime.FuncType([types[p]() for p in params], [types[r]() for r in results])
