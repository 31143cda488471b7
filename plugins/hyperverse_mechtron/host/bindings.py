"""Functions of ours that guests call, which suspend them, and the memory of guests; by the raw bindings of wasmtime."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from ctypes import POINTER, addressof, byref, c_void_p, cast, memmove, string_at
from typing import Any, Final

import wasmtime

from . import raw
from .faults import HostFault, text_of_fault
from .raw import ffi
from .waiting import Waiting, func_type, signed

__all__ = ["NO_FINALIZER", "GuestMemory", "Memory", "define_async", "define_sync", "set_stdin"]

_CHARS: Final = POINTER(ctypes.c_char)
NO_FINALIZER: Final = cast(0, ctypes.CFUNCTYPE(None, c_void_p))
_I32: Final = 0
_PAGE: Final = 65536
_MEMORY: Final = ffi.WASMTIME_EXTERN_MEMORY.value
_MASK32: Final = 0xFFFFFFFF
_MASK64: Final = (1 << 64) - 1


class Memory:
    """The memory of the guest that has called, as long as that call lasts."""

    __slots__ = ("_context", "_extern")

    def __init__(self, caller: Any, name: bytes = b"memory") -> None:
        self._extern = ffi.wasmtime_extern_t()
        found = raw.caller_export(caller, cast(ctypes.c_char_p(name), _CHARS), len(name), byref(self._extern))
        if not found or self._extern.kind != _MEMORY:
            if found:
                raw.delete_extern(byref(self._extern))
            raise HostFault("the guest exports no memory, so nothing can be read from it")
        self._context = raw.caller_context(caller)

    def read(self, at: int, size: int) -> bytes:
        """A copy of ``size`` bytes from ``at``. Raises HostFault when they are not all in the memory."""
        return string_at(self._address(at, size), size)

    def write(self, at: int, data: bytes) -> None:
        """Writes ``data`` at ``at``. Raises HostFault when that is not all in the memory."""
        memmove(self._address(at, len(data)), data, len(data))

    def grow_to(self, size: int) -> bool:
        """Makes it at least ``size`` bytes large. Returns whether that could be done."""
        memory, before = byref(self._extern.of.memory), ctypes.c_uint64()
        missing = size - raw.memory_size(self._context, memory)
        if missing <= 0:
            return True
        error = raw.memory_grow(self._context, memory, -(-missing // _PAGE), byref(before))
        if error:
            raw.delete_error(error)
        return not error

    def _address(self, at: int, size: int) -> int:
        memory = byref(self._extern.of.memory)
        whole = raw.memory_size(self._context, memory)
        if at + size > whole:
            raise HostFault(f"the guest points outside of its memory: {size} bytes at {at} of {whole}")
        return int(cast(raw.memory_data(self._context, memory), c_void_p).value or 0) + at


Sync = Callable[[Memory | None, Sequence[int]], int | None]
"""Called with the guest's memory and the arguments, all as numbers without a sign. Returns the result."""


Async = Callable[[Memory | None, Sequence[int]], Waiting]
_kept: list[Any] = []
"""Callbacks that linkers point to: linkers live as long as the process."""
_waiting: dict[int, tuple[Waiting, Any, Any, int]] = {}
_numbers = iter(range(1, sys.maxsize))


def _set(results: Any, value: int | None, bits: int) -> None:
    if not bits:
        return
    if bits == 32:
        results[0].kind = _I32
        results[0].of.i32 = signed(value or 0, 32)
    else:
        results[0].kind = _I32 + 1
        results[0].of.i64 = signed(value or 0, 64)


def _numbers_of(args: Any, count: int) -> list[int]:
    return [_number_of(args[k]) for k in range(count)]


def _number_of(value: Any) -> int:
    """A value without its sign."""
    found: int = value.of.i64 & _MASK64 if value.kind else value.of.i32 & _MASK32
    return found


def _trap(text: str) -> Any:
    told = text.encode("utf-8", "replace")
    return raw.new_trap(cast(ctypes.c_char_p(told), _CHARS), len(told))


def _define(how: Any, linker: Any, module: str, name: str, params: Any, results: Any, callback: Any) -> None:
    _kept.append(callback)
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
    """Gives guests a function that answers at once. What it raises is a trap of the guest with the text of the
    error. Its arguments are whole numbers, unless it traps always. ``memory`` is the name of the guest's memory; empty
    when it has none."""
    bits, export = int(results[0][1:]) if results else 0, memory.encode()

    def callback(_env: Any, caller: Any, args: Any, count: int, out: Any, _outs: int) -> Any:
        try:
            seen = Memory(caller, export) if count and export else None
            _set(out, call(seen, _numbers_of(args, count)), bits)
            return 0
        except BaseException as exc:  # it must not pass through frames of wasmtime
            return cast(_trap(text_of_fault(exc)), c_void_p).value

    _define(raw.linker_define_sync, linker, module, name, params, results, raw.SyncCallback(callback))


def define_async(
    linker: wasmtime.Linker, module: str, name: str, params: Sequence[str], results: Sequence[str], call: Async
) -> None:
    """Gives guests a function that suspends them until its :class:`Waiting` is done."""
    bits = int(results[0][1:]) if results else 0

    def callback(_env: Any, caller: Any, args: Any, count: int, out: Any, _outs: int, trap: Any, later: Any) -> None:
        try:
            memory = Memory(caller) if count else None
            waiting = call(memory, _numbers_of(args, count))
        except BaseException as exc:
            waiting = Waiting()
            waiting.done, waiting.fault = True, text_of_fault(exc)
        number = next(_numbers)
        _waiting[number] = (waiting, out, trap, bits)
        later.contents.callback = _GO_ON
        later.contents.env = number
        later.contents.finalizer = _FORGET

    _define(raw.linker_define_async, linker, module, name, params, results, raw.AsyncCallback(callback))


def _go_on(number: int) -> bool:
    waiting, results, trap, bits = _waiting[number]
    if not waiting.done:
        return False
    if waiting.fault:
        trap[0] = _trap(waiting.fault)
    else:
        _set(results, waiting.result, bits)
    return True


def _forget(number: int) -> None:
    _waiting.pop(number, None)


_GO_ON: Final = raw.Continuation(_go_on)
_FORGET: Final = ctypes.CFUNCTYPE(None, c_void_p)(_forget)


def set_stdin(config: wasmtime.WasiConfig, content: bytes) -> None:
    """Gives a WASI guest bytes to read from its standard input."""
    vector = ffi.wasm_byte_vec_t()
    raw.new_bytes(byref(vector), len(content), cast(ctypes.c_char_p(content), POINTER(ctypes.c_ubyte)))
    raw.set_stdin_bytes(config.ptr(), byref(vector))


class GuestMemory:
    """The memory of an instance, while no guest runs in its store.

    Args:
        store: of the instance.
        memory: an export of it.
    """

    __slots__ = ("_context", "_data", "_memory", "_size", "_store", "_where")

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._store, self._memory = store, memory
        self._context, self._where = raw.address_of(raw.context_of(store)), addressof(raw.raw_memory(memory))
        self._size, self._data = -1, 0

    def size(self) -> int:
        """Bytes that it has now."""
        return self._seen()

    def grow_by(self, pages: int) -> None:
        """Makes it larger. Raises WasmtimeError when it may not be."""
        self._memory.grow(self._store, pages)

    def read(self, at: int, size: int) -> bytes | None:
        """A copy of a part; None when it is not all in it."""
        if at + size > self._seen():
            return None
        return string_at(self._data + at, size)

    def write(self, at: int, data: bytes) -> bool:
        """Writes into it; False when the place is not all in it."""
        if at + len(data) > self._seen():
            return False
        memmove(self._data + at, data, len(data))
        return True

    def _seen(self) -> int:
        """Its size. It can only have moved when it has grown. Raises ValueError when its store is closed."""
        raw.context_of(self._store)
        size: int = raw.size_of(self._context, self._where)
        if size != self._size:
            self._data = raw.data_of(self._context, self._where) or 0
            self._size = size
        return size
