"""Calls on fibers: a guest runs until it ends, waits, or has used up its slice.

A call that is under way holds its store, because a store that is collected while its pointer is used aborts the
process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, sizeof
from functools import cache
from struct import Struct
from typing import Any, Final

import wasmtime

from .bindings import NUMBERS, bound, context_of, ffi, from_raw, number_of, raise_raw, raise_trap, raw_func, signed

__all__ = ["Fiber", "yield_at_ticks"]

_call_async: Final = bound("_wasmtime_func_call_async")
_instantiate_async: Final = bound("_wasmtime_linker_instantiate_async")
_poll: Final = bound("_wasmtime_call_future_poll")
_delete_future: Final = bound("_wasmtime_call_future_delete")
_yield_at: Final = bound("_wasmtime_context_epoch_deadline_async_yield_and_update")
_TrapPointer: Final = POINTER(ffi.wasm_trap_t)
_ErrorPointer: Final = POINTER(ffi.wasmtime_error_t)
_MASK: Final = 0xFFFFFFFF


@cache
def _vals(count: int) -> Any:
    """An array of values."""
    return ffi.wasmtime_val_t * max(1, count)


@cache
def _i32s(count: int) -> Struct:
    """Packs numbers of type i32 into such an array. To set the fields instead makes objects: that took a fifth of a
    call. The kind of i32 is 0, as the bytes between are."""
    at = ffi.wasmtime_val_t.of.offset
    return Struct("=" + f"{at}xI{sizeof(ffi.wasmtime_val_t) - at - 4}x" * count)


class Fiber:
    """One call that is under way: of a function, or the instantiation of a module.

    Its holder polls it from one thread at a time, until it is done, and closes it.
    """

    __slots__ = ("_args", "_error", "_func", "_future", "_instance", "_results", "_trap", "store")

    def __init__(self, store: wasmtime.Store) -> None:
        self.store = store
        self._trap = _TrapPointer()
        self._error = _ErrorPointer()
        self._future: Any = None
        self._args: Any = None
        self._results: Any = None
        self._func: Any = None
        self._instance: Any = None

    @classmethod
    def instantiate(cls, store: wasmtime.Store, linker: wasmtime.Linker, module: wasmtime.Module) -> Fiber:
        """Begins to instantiate a module."""
        self = cls(store)
        self._instance = ffi.wasmtime_instance_t()
        self._future = _instantiate_async(
            linker.ptr(), context_of(store), module.ptr(), byref(self._instance), byref(self._trap), byref(self._error)
        )
        return self

    @classmethod
    def call(cls, store: wasmtime.Store, func: wasmtime.Func, args: Sequence[int], results: Sequence[str]) -> Fiber:
        """Begins to call a function.

        Args:
            args: numbers of type i32.
            results: the types of its results.
        """
        self = cls(store)
        self._func = func
        count = len(args)
        self._args = _vals(count)()
        if count:
            _i32s(count).pack_into(self._args, 0, *(value & _MASK for value in args))
        self._results = _vals(len(results))()
        self._future = _call_async(
            context_of(store),
            byref(raw_func(func)),
            self._args,
            count,
            self._results,
            len(results),
            byref(self._trap),
            byref(self._error),
        )
        return self

    @classmethod
    def call_typed(
        cls, store: wasmtime.Store, func: wasmtime.Func, args: Sequence[int | float], types: Sequence[str], results: int
    ) -> Fiber:
        """Begins to call a function with numbers of any type, and any number of results."""
        self = cls(store)
        self._func = ctypes.pointer(raw_func(func))
        self._args = (ffi.wasmtime_val_t * max(1, len(args)))()
        for slot, value, kind in zip(self._args, args, types, strict=False):
            slot.kind = NUMBERS.index(kind)
            if kind.startswith("f"):
                setattr(slot.of, kind, float(value))
            else:
                setattr(slot.of, kind, signed(int(value), int(kind[1:])))
        self._results = (ffi.wasmtime_val_t * max(1, results))()
        self._future = _call_async(
            context_of(store),
            self._func,
            self._args,
            len(args),
            self._results,
            results,
            byref(self._trap),
            byref(self._error),
        )
        return self

    def poll(self) -> bool:
        """Runs the guest until it ends, waits, or has used up its slice. Returns whether it has ended."""
        return bool(_poll(self._future))

    def close(self) -> None:
        """Ends the call; a guest that has not ended is dropped, and its store must not be used again."""
        future, self._future = self._future, None
        if future is not None:
            _delete_future(future)

    def instance(self) -> wasmtime.Instance:
        """What was instantiated. Raises WasmtimeError or Trap."""
        self._raise()
        found: wasmtime.Instance = from_raw(wasmtime.Instance, self._instance)
        return found

    def result(self) -> int:
        """The result of the function, without a sign; 0 when it has none. Raises WasmtimeError or Trap."""
        self._raise()
        return number_of(self._results[0])

    def typed(self, types: Sequence[str], *, unsigned: bool) -> list[int | float]:
        """The results of a function, by their types. Raises WasmtimeError or Trap."""
        self._raise()
        found: list[int | float] = []
        for slot, kind in zip(self._results, types, strict=False):
            value = getattr(slot.of, kind)
            found.append(value & ((1 << int(kind[1:])) - 1) if unsigned and kind.startswith("i") else value)
        return found

    def _raise(self) -> None:
        if self._error:
            raise_raw(self._error)
        if self._trap:
            raise_trap(self._trap)


def yield_at_ticks(store: wasmtime.Store) -> None:
    """Makes guests of a store yield at each tick of the epoch instead of trapping."""
    _yield_at(context_of(store), 1)  # it returns nothing, whatever the bindings declare
    store.set_epoch_deadline(1)
