"""Host functions that suspend the guests that call them, through the raw bindings of wasmtime.

All addresses are plain integers here. Creating an object for each pointer took half of the time of a guest's own ping.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, POINTER, byref, c_size_t, c_void_p, cast, memmove, sizeof, string_at
from struct import Struct
from typing import Any, Final

import wasmtime

from . import raw
from .faults import text_of_fault
from .going_on import go_on_when_done
from .raw import ffi
from .raw_memory import Memory, memory_of_caller
from .running import current
from .waiting import NUMBERS, Waiting, func_type

__all__ = ["NO_FINALIZER", "define_async", "define_sync", "set_stdin"]

_CHARS: Final = POINTER(ctypes.c_char)
NO_FINALIZER: Final = cast(0, CFUNCTYPE(None, c_void_p))
_VALUE: Final = sizeof(ffi.wasmtime_val_t)
_AT: Final = ffi.wasmtime_val_t.of.offset
_FORMATS: Final = {"i32": "I4x", "i64": "Q", "f32": "f4x", "f64": "d"}
_CALLED: Final = (c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t)
_SYNC: Final = CFUNCTYPE(c_void_p, *_CALLED)
_ASYNC: Final = CFUNCTYPE(None, *_CALLED, c_void_p, c_void_p)

Sync = Callable[[Memory | None, Sequence[int]], int | None]
"""Called with the guest's memory and the arguments, all as unsigned numbers. Returns the result."""


Async = Callable[[Memory | None, Sequence[int]], Waiting]
_kept: list[Any] = []
"""Callbacks that linkers point to. They must never be freed, because linkers live as long as the process."""


def _reader(params: Sequence[str]) -> Callable[[int], Sequence[int]]:
    """What reads the arguments of a function, as numbers without a sign. An array of values with fields would make
    three objects for each."""
    numbers = Struct("=" + "".join(f"{_AT}x{_FORMATS[kind]}{_VALUE - _AT - 8}x" for kind in params))
    size, unpack = numbers.size, numbers.unpack
    return lambda at: unpack(string_at(at, size)) if at and size else ()


def _writer(results: Sequence[str]) -> Callable[[int, int | None], None]:
    """What writes the result of a function."""
    if not results:
        return lambda at, value: None
    kind, bits = NUMBERS.index(results[0]), int(results[0][1:])
    mask, size = (1 << bits) - 1, _AT + 8
    pack = Struct(f"=B{_AT - 1}xQ").pack

    def write(at: int, value: int | None) -> None:
        memmove(at, pack(kind, (value or 0) & mask), size)

    return write


def _memory_here(caller: int, name: str) -> Memory:
    """Returns the memory of the calling guest: that of its instance, or, during instantiation, the one that it
    exports."""
    guest = current.guest
    if guest is not None and guest.memory is not None and guest.memory_name == name:
        return guest.memory.inside
    return memory_of_caller(caller, name.encode())


def _trap(text: str) -> Any:
    told = text.encode("utf-8", "replace")
    return raw.new_trap(cast(ctypes.c_char_p(told), _CHARS), len(told))


def _define(how: Any, linker: Any, module: str, name: str, params: Any, results: Any, own: Any, form: Any) -> None:
    callback = cast(own, form)
    _kept.append((own, callback))
    types = func_type(params, results)
    first, second = module.encode(), name.encode()
    error = how(
        linker.ptr(),
        cast(ctypes.c_char_p(first), _CHARS),
        len(first),
        cast(ctypes.c_char_p(second), _CHARS),
        len(second),
        types.ptr(),
        callback,
        None,
        NO_FINALIZER,
    )
    if error:
        raw.raise_raw(error)


def define_sync(
    linker: wasmtime.Linker,
    module: str,
    name: str,
    params: Sequence[str],
    results: Sequence[str],
    call: Sync,
    *,
    memory: str = "memory",
) -> None:
    """Defines a host function that answers at once. An exception in it becomes a trap of the guest with the text of the
    error. Its arguments are integers, unless it always traps. ``memory`` is the name of the guest's memory; empty when
    it has none."""
    read, write = _reader(params), _writer(results)
    sees = bool(params and memory)

    def callback(_env: Any, caller: int, args: int, _count: int, out: int, _outs: int) -> int | None:
        try:
            write(out, call(_memory_here(caller, memory) if sees else None, read(args)))
            return 0
        except BaseException as exc:  # it must not pass through frames of wasmtime
            return raw.address_of(_trap(text_of_fault(exc)))

    _define(raw.linker_define_sync, linker, module, name, params, results, _SYNC(callback), raw.SyncCallback)


def define_async(
    linker: wasmtime.Linker, module: str, name: str, params: Sequence[str], results: Sequence[str], call: Async
) -> None:
    """Defines a host function that suspends the guest until its :class:`Waiting` is done."""
    read, write = _reader(params), _writer(results)

    def callback(_env: Any, caller: int, args: int, _count: int, out: int, _outs: int, trap: int, later: int) -> None:
        try:
            waiting = call(_memory_here(caller, "memory") if params else None, read(args))
        except BaseException as exc:
            waiting = Waiting()
            waiting.done, waiting.fault = True, text_of_fault(exc)

        def tell() -> None:
            if waiting.fault:
                c_void_p.from_address(trap).value = raw.address_of(_trap(waiting.fault))
            else:
                write(out, waiting.result)

        go_on_when_done(waiting, tell, later)

    _define(raw.linker_define_async, linker, module, name, params, results, _ASYNC(callback), raw.AsyncCallback)


def set_stdin(config: wasmtime.WasiConfig, content: bytes) -> None:
    """Gives a WASI guest bytes to read from its standard input."""
    vector = ffi.wasm_byte_vec_t()
    raw.new_bytes(byref(vector), len(content), cast(ctypes.c_char_p(content), POINTER(ctypes.c_ubyte)))
    raw.set_stdin_bytes(config.ptr(), byref(vector))
