"""Tells wasmtime when a guest that waits in a host function can continue.

Each time the guest is polled, wasmtime calls a C function with an address, until it returns true. That function is
``strlen`` here, and the address is that of a string that is empty while the guest waits. A Python function would be
called three times for each wait, at a microsecond or two for each call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import addressof, c_bool, c_void_p, cast, memmove, string_at
from struct import Struct
from typing import Any, Final

from .waiting import Waiting

__all__ = ["go_on_when_done"]

_Flag: Final = ctypes.c_char * 2
_SET: Final = _Flag(b"\1")
_pack: Final = Struct("PPP").pack
_SIZE: Final = 3 * ctypes.sizeof(c_void_p)


def _is_set(at: int) -> bool:
    return string_at(at, 1) != b"\0"


def _c_function() -> Any:
    try:
        return ctypes.CDLL(None).strlen  # it returns 1 for one character, which is true in C and in Rust
    except (OSError, TypeError, AttributeError):  # on Windows there is no name for the program itself
        return ctypes.CFUNCTYPE(c_bool, c_void_p)(_is_set)


_FUNCTION: Final = _c_function()
_ADDRESS: Final = cast(_FUNCTION, c_void_p).value or 0


def go_on_when_done(waiting: Waiting, tell: Callable[[], None], later: int) -> None:
    """Lets a guest continue when what it waits for is done.

    Args:
        waiting: the object that it waits for. Its holder keeps it until the guest is polled again, or is dropped.
        tell: writes the result where wasmtime takes it. It is called when that is done, and before the call is closed.
        later: address of what wasmtime was to be told: a function, its argument, and what frees that.
    """
    if waiting.done:
        tell()
        memmove(later, _pack(_ADDRESS, addressof(_SET), 0), _SIZE)
        return
    flag = waiting.flag = _Flag()

    def end() -> None:
        tell()
        flag[0] = b"\1"

    waiting.tell = end
    memmove(later, _pack(_ADDRESS, addressof(flag), 0), _SIZE)
