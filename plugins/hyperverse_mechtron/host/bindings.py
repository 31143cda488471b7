"""The raw bindings of wasmtime: functions of ours that guests call, and the memory of guests.

wasmtime's public Python API has nothing that suspends a guest. Only this file, ``fibers`` and ``component_bindings``
touch these names; each is looked up once, when the module is imported.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from ctypes import POINTER, addressof, byref, c_void_p, cast, memmove, string_at
from typing import Any, Final, NoReturn

import wasmtime
from wasmtime import _bindings, _ffi

from hyperverse_core.errors import NoDriver

from .faults import HostFault

__all__ = [
    "I32",
    "NO_FINALIZER",
    "NUMBERS",
    "GuestMemory",
    "Memory",
    "Waiting",
    "address_of",
    "bound",
    "context_of",
    "define_async",
    "define_sync",
    "ffi",
    "from_raw",
    "number_of",
    "plain",
    "raise_raw",
    "raise_trap",
    "raw_func",
    "set_stdin",
    "signed",
    "text_of_fault",
]


def bound(name: str) -> Any:
    """The raw binding of that name. Raises NoDriver when this wasmtime has none."""
    found = getattr(_bindings, name, None)
    if found is None:
        raise NoDriver(
            f"this wasmtime has no {name.lstrip('_')}, which calls on fibers need",
            hint='python -m pip install "cosmic-hyperverse[wasm]" installs one that has it',
        )
    return found


if sys.version_info[:3] == (3, 14, 0):
    raise NoDriver("Python 3.14.0 takes the stack of a fiber for an overflow", hint="use Python 3.14.1 or newer")


def plain(name: str, result: Any, *args: Any, short: bool = False) -> Any:
    """The raw binding of that name, which takes addresses as numbers: to make an object for each pointer takes longer
    than many a call. Raises NoDriver when this wasmtime has none.

    Args:
        result: its type; None for none.
        args: the types of its arguments.
        short: whether it ends so soon that it keeps the lock of Python.
    """
    form = ctypes.PYFUNCTYPE if short else ctypes.CFUNCTYPE
    return form(result, *args)(cast(bound(name), c_void_p).value or 0)


_define_async: Final = bound("_wasmtime_linker_define_async_func")
_define_sync: Final = bound("_wasmtime_linker_define_func")
_caller_export: Final = bound("_wasmtime_caller_export_get")
_caller_context: Final = bound("_wasmtime_caller_context")
_memory_data: Final = bound("_wasmtime_memory_data")
_memory_size: Final = bound("_wasmtime_memory_data_size")
_memory_grow: Final = bound("_wasmtime_memory_grow")
_delete_error: Final = bound("_wasmtime_error_delete")
_delete_extern: Final = bound("_wasmtime_extern_delete")
_new_trap: Final = bound("_wasmtime_trap_new")
_new_bytes: Final = bound("_wasm_byte_vec_new")
_set_stdin_bytes: Final = bound("_wasi_config_set_stdin_bytes")
_AsyncCallback: Final = bound("wasmtime_func_async_callback_t")
_Continuation: Final = bound("wasmtime_func_async_continuation_callback_t")
_SyncCallback: Final = _ffi.wasmtime_func_callback_t
_size_of: Final = plain("_wasmtime_memory_data_size", ctypes.c_size_t, c_void_p, c_void_p, short=True)
_data_of: Final = plain("_wasmtime_memory_data", c_void_p, c_void_p, c_void_p, short=True)

_CHARS: Final = POINTER(ctypes.c_char)
NO_FINALIZER: Final = cast(0, ctypes.CFUNCTYPE(None, c_void_p))
I32: Final = 0
NUMBERS: Final = ("i32", "i64", "f32", "f64")
"""Types of numbers; the place of each is its number in the raw bindings."""
_PAGE: Final = 65536
_MEMORY: Final = _ffi.WASMTIME_EXTERN_MEMORY.value
_MASK32: Final = 0xFFFFFFFF
_MASK64: Final = (1 << 64) - 1
_WRAP: Final = {32: (1 << 31, 1 << 32), 64: (1 << 63, 1 << 64)}


class Memory:
    """The memory of the guest that has called, as long as that call lasts."""

    __slots__ = ("_context", "_extern")

    def __init__(self, caller: Any, name: bytes = b"memory") -> None:
        self._extern = _ffi.wasmtime_extern_t()
        found = _caller_export(caller, cast(ctypes.c_char_p(name), _CHARS), len(name), byref(self._extern))
        if not found or self._extern.kind != _MEMORY:
            if found:
                _delete_extern(byref(self._extern))
            raise HostFault("the guest exports no memory, so nothing can be read from it")
        self._context = _caller_context(caller)

    def read(self, at: int, size: int) -> bytes:
        """A copy of ``size`` bytes from ``at``. Raises HostFault when they are not all in the memory."""
        return string_at(self._address(at, size), size)

    def write(self, at: int, data: bytes) -> None:
        """Writes ``data`` at ``at``. Raises HostFault when that is not all in the memory."""
        memmove(self._address(at, len(data)), data, len(data))

    def grow_to(self, size: int) -> bool:
        """Makes it at least ``size`` bytes large. Returns whether that could be done."""
        memory, before = byref(self._extern.of.memory), ctypes.c_uint64()
        missing = size - _memory_size(self._context, memory)
        if missing <= 0:
            return True
        error = _memory_grow(self._context, memory, -(-missing // _PAGE), byref(before))
        if error:
            _delete_error(error)
        return not error

    def _address(self, at: int, size: int) -> int:
        memory = byref(self._extern.of.memory)
        whole = _memory_size(self._context, memory)
        if at + size > whole:
            raise HostFault(f"the guest points outside of its memory: {size} bytes at {at} of {whole}")
        return int(cast(_memory_data(self._context, memory), c_void_p).value or 0) + at


def context_of(store: wasmtime.Store) -> Any:
    """What the raw bindings take for a store."""
    return store._context()


def raw_func(func: Any) -> Any:
    """What the raw bindings take for a function."""
    return func._func


def from_raw(form: Any, raw: Any) -> Any:
    """An object of the public API of what the raw bindings have made."""
    return form._from_raw(raw)


def raise_raw(error: Any) -> NoReturn:
    """Raises an error of the raw bindings."""
    raise wasmtime.WasmtimeError._from_ptr(error)


def raise_trap(trap: Any) -> NoReturn:
    """Raises a trap of the raw bindings."""
    raise wasmtime.Trap._from_ptr(trap)


ffi: Final = _ffi
"""The structures and constants of the raw bindings."""

Sync = Callable[[Memory | None, Sequence[int]], int | None]
"""Called with the guest's memory and the arguments, all as numbers without a sign. Returns the result."""


class Waiting:
    """A guest that waits in a function of ours. Its fiber goes on when ``done`` is set.

    Attributes:
        done: whether the answer is there.
        result: the answer.
        fault: what the guest is to trap with instead; empty for none.
    """

    __slots__ = ("done", "fault", "result")

    def __init__(self) -> None:
        self.done = False
        self.result: Any = 0
        self.fault = ""


Async = Callable[[Memory | None, Sequence[int]], Waiting]
_kept: list[Any] = []
"""Callbacks that linkers point to: linkers live as long as the process."""
_waiting: dict[int, tuple[Waiting, Any, Any, int]] = {}
_numbers = iter(range(1, sys.maxsize))


def signed(value: int, bits: int) -> int:
    """A number of so many bits with its sign."""
    half, whole = _WRAP[bits]
    value &= whole - 1
    return value - whole if value >= half else value


def _set(results: Any, value: int | None, bits: int) -> None:
    if not bits:
        return
    if bits == 32:
        results[0].kind = I32
        results[0].of.i32 = signed(value or 0, 32)
    else:
        results[0].kind = I32 + 1
        results[0].of.i64 = signed(value or 0, 64)


def _numbers_of(args: Any, count: int) -> list[int]:
    return [number_of(args[k]) for k in range(count)]


def number_of(value: Any) -> int:
    """A value without its sign."""
    found: int = value.of.i64 & _MASK64 if value.kind else value.of.i32 & _MASK32
    return found


def _trap(text: str) -> Any:
    raw = text.encode("utf-8", "replace")
    return _new_trap(cast(ctypes.c_char_p(raw), _CHARS), len(raw))


def _func_type(params: Sequence[str], results: Sequence[str]) -> wasmtime.FuncType:
    types = {each: getattr(wasmtime.ValType, each) for each in NUMBERS}
    return wasmtime.FuncType([types[p]() for p in params], [types[r]() for r in results])


def _define(how: Any, linker: Any, module: str, name: str, params: Any, results: Any, callback: Any) -> None:
    _kept.append(callback)
    types = _func_type(params, results)
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
        raise wasmtime.WasmtimeError._from_ptr(error)


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

    _define(_define_sync, linker, module, name, params, results, _SyncCallback(callback))


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

    _define(_define_async, linker, module, name, params, results, _AsyncCallback(callback))


def text_of_fault(error: BaseException) -> str:
    """What a guest traps with, when a function of ours raises."""
    return str(error) if isinstance(error, HostFault) else f"{type(error).__name__}: {error}"


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


_GO_ON: Final = _Continuation(_go_on)
_FORGET: Final = ctypes.CFUNCTYPE(None, c_void_p)(_forget)


def set_stdin(config: wasmtime.WasiConfig, content: bytes) -> None:
    """Gives a WASI guest bytes to read from its standard input."""
    vector = _ffi.wasm_byte_vec_t()
    _new_bytes(byref(vector), len(content), cast(ctypes.c_char_p(content), POINTER(ctypes.c_ubyte)))
    _set_stdin_bytes(config.ptr(), byref(vector))


class GuestMemory:
    """The memory of an instance, while no guest runs in its store.

    Args:
        store: of the instance.
        memory: an export of it.
    """

    __slots__ = ("_context", "_data", "_memory", "_size", "_store", "_where")

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._store, self._memory = store, memory
        self._context, self._where = address_of(context_of(store)), addressof(memory._memory)
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
        context_of(self._store)
        size: int = _size_of(self._context, self._where)
        if size != self._size:
            self._data = _data_of(self._context, self._where) or 0
            self._size = size
        return size


def address_of(pointer: Any) -> int:
    """Where a pointer of the raw bindings points to."""
    return cast(pointer, c_void_p).value or 0
