"""Calls on fibers: a guest runs until it ends, waits, or has used up its time slice.

A call in progress holds a reference to its store, because collecting a store whose pointer is in use
aborts the process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import addressof, byref, sizeof
from functools import cache
from struct import Struct
from typing import Any, Final

import wasmtime

from . import raw
from .raw import ffi
from .waiting import NUMBERS, signed

__all__ = ["BegunCall", "Fiber", "PreparedCall", "yield_at_ticks"]

_VALUE: Final = sizeof(ffi.wasmtime_val_t)
_AT: Final = ffi.wasmtime_val_t.of.offset


_FUNC: Final = sizeof(ffi.wasmtime_func_t)
_ADDRESS: Final = sizeof(ctypes.c_void_p)
_KEPT: Final = 256
"""Most frames of one shape that are kept for later calls."""


def _packed(params: int) -> Struct:
    """Packs a function and i32 numbers, an array of values. Setting the fields one by one would create objects, which
    took a fifth of a call. The kind number of i32 is 0, as are the padding bytes."""
    return Struct(f"={_FUNC}s" + f"{_AT}xI{_VALUE - _AT - 4}x" * params)


def _outcome(number: str) -> Struct:
    """Reads what a call has left: a result of type i32 or i64 without its sign, and the addresses of a trap and of an
    error. They lie behind one another."""
    return Struct(f"={_AT}x{number}{_VALUE - _AT - Struct('=' + number).size}xQQ")


_OUTCOME: Final = {"i32": _outcome("I"), "i64": _outcome("Q"), "": _outcome("I")}
"""Where there is no result, there is a 0."""


class _Frame:
    """What a call needs while it is in progress: its function, arguments and result, and a trap or an error.

    Attributes:
        held: all of them, behind one another.
        call: their addresses and numbers, as wasmtime takes them.
    """

    __slots__ = ("call", "held")

    def __init__(self, params: int, results: int) -> None:
        at = _FUNC + params * _VALUE
        self.held = ctypes.create_string_buffer(at + _VALUE + 2 * _ADDRESS)
        func = addressof(self.held)
        result = func + at
        trap = result + _VALUE
        self.call = (func, func + _FUNC, params, result, results, trap, trap + _ADDRESS)


class _Shape:
    """What the calls of all functions share that take and return the same: a guest that is idle holds nothing of it.

    Args:
        params: the number of its arguments, of type i32.
        result: the type of its result; empty for none.

    Attributes:
        at: where the result is in a frame.
        kept: frames for later calls, whose result, trap and error are 0.
        pack, read: write a function with its arguments into a frame, and read a result, trap and error from it.
    """

    __slots__ = ("at", "kept", "pack", "params", "read", "results")

    def __init__(self, params: int, result: str) -> None:
        self.params, self.results = params, len(result) and 1
        self.at = _FUNC + params * _VALUE
        self.pack = _packed(params).pack_into
        self.read = _OUTCOME[result].unpack_from
        self.kept: list[_Frame] = []


_shape: Final = cache(_Shape)


class BegunCall:
    """A call in progress.

    Its owner polls it from one thread at a time until it is done, and then closes it.
    """

    __slots__ = ("_future", "store")

    store: wasmtime.Store
    _future: Any

    def poll(self) -> bool:
        """Runs the guest until it ends, waits, or has used up its slice. Returns whether it has ended."""
        return bool(raw.poll(self._future))

    def close(self) -> None:
        """Ends the call; a guest that has not ended is dropped, and its store must not be used again.

        If the store has gone first, the call is left as it is: ending it would use the store's memory. This happens
        when the garbage collector, or the end of the program, takes a store and a task that is still calling it
        together, because it finalizes them in any order.
        """
        future, self._future = self._future, None
        if future is not None and raw.is_open(self.store):
            raw.delete_future(future)


class Fiber(BegunCall):
    """One call in progress: of a function, or the instantiation of a module."""

    __slots__ = ("_args", "_error", "_func", "_instance", "_results", "_trap")

    def __init__(self, store: wasmtime.Store) -> None:
        self.store = store
        self._trap = raw.TrapPointer()
        self._error = raw.ErrorPointer()
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
        self._future = raw.linker_instantiate_async(
            linker.ptr(),
            raw.context_of(store),
            module.ptr(),
            byref(self._instance),
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
        self._func = ctypes.pointer(raw.raw_func(func))
        self._args = (ffi.wasmtime_val_t * max(1, len(args)))()
        for slot, value, kind in zip(self._args, args, types, strict=False):
            slot.kind = NUMBERS.index(kind)
            if kind.startswith("f"):
                setattr(slot.of, kind, float(value))
            else:
                setattr(slot.of, kind, signed(int(value), int(kind[1:])))
        self._results = (ffi.wasmtime_val_t * max(1, results))()
        self._future = raw.func_call_async(
            raw.context_of(store),
            self._func,
            self._args,
            len(args),
            self._results,
            results,
            byref(self._trap),
            byref(self._error),
        )
        return self

    def instance(self) -> wasmtime.Instance:
        """What was instantiated. Raises WasmtimeError or Trap."""
        self._raise()
        found: wasmtime.Instance = raw.from_raw(wasmtime.Instance, self._instance)
        return found

    def typed(self, types: Sequence[str], *, unsigned: bool) -> list[int | float]:
        """The results of a function, by their types. Raises WasmtimeError or Trap."""
        self._raise()
        found: list[int | float] = []
        for slot, kind in zip(self._results, types, strict=False):
            value = getattr(slot.of, kind)
            found.append(value & ((1 << int(kind[1:])) - 1) if unsigned and kind.startswith("i") else value)
        return found

    def _raise(self) -> None:
        _raise(self._trap, self._error)


class PreparedCall(BegunCall):
    """Calls of one function of an instance, one at a time.

    Args:
        store: of the instance.
        func: an export that takes numbers of type i32.
        params: how many.
        results: the types of its results: at most one, of type i32 or i64.
    """

    __slots__ = ("_context", "_frame", "_func", "_shape")

    def __init__(self, store: wasmtime.Store, func: wasmtime.Func, params: int, results: Sequence[str]) -> None:
        self.store = store
        self._future = None
        self._context = raw.address_of(raw.context_of(store))
        self._func = bytes(raw.raw_func(func))
        self._shape = _shape(params, results[0] if results else "")
        self._frame: _Frame | None = None

    def begin(self, *args: int) -> PreparedCall:
        """Begins a call with numbers from 0 to 2**32 - 1. The one before must have ended well. Returns itself.
        Raises ValueError when the store is closed."""
        raw.context_of(self.store)
        shape = self._shape
        try:
            frame = shape.kept.pop()
        except IndexError:
            frame = _Frame(shape.params, shape.results)
        self._frame = frame
        shape.pack(frame.held, 0, self._func, *args)
        self._future = raw.prepared_call_async(self._context, *frame.call)
        return self

    def result(self) -> int:
        """The result of the function, without a sign; 0 when it has none. Raises WasmtimeError or Trap."""
        frame, shape = self._frame, self._shape
        assert frame is not None, "the call is open"
        found: int
        found, trap, error = shape.read(frame.held, shape.at)
        if trap or error:
            self._frame = None  # it must not be used again: it is not all zeros
            _raise(ctypes.cast(trap, raw.TrapPointer), ctypes.cast(error, raw.ErrorPointer))
        return found

    def close(self) -> None:
        """Ends the call likewise."""
        future, frame = self._future, self._frame
        self._future = self._frame = None
        if future is not None and raw.is_open(self.store):
            raw.delete_future(future)
            kept = self._shape.kept
            if frame is not None and len(kept) < _KEPT:
                kept.append(frame)


def _raise(trap: Any, error: Any) -> None:
    """Raises what a call has left, if it has."""
    if error:
        raw.raise_raw(error)
    if trap:
        raw.raise_trap(trap)


def yield_at_ticks(store: wasmtime.Store) -> None:
    """Makes guests of a store yield at each tick of the epoch instead of trapping."""
    raw.yield_at(raw.context_of(store), 1)  # it returns nothing, whatever the bindings declare
    store.set_epoch_deadline(1)
