"""The raw bindings of wasmtime for components: calls on fibers, functions of ours that components call, and values.

A value crosses without a loop over its characters or bytes: ``list<u8>`` is filled and read by slices with a step.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_void_p, cast, string_at
from typing import Any, Final

import attrs
import wasmtime
from wasmtime import component

from . import raw
from .bindings import NO_FINALIZER
from .faults import text_of_fault
from .fibers import Fiber
from .going_on import go_on_when_done
from .raw import ffi
from .waiting import GuestAnswer, Waiting

__all__ = ["ComponentFiber", "Value", "define_component_async", "define_component_sync"]

_Value: Final = raw.ComponentValue
_SIZE: Final = ctypes.sizeof(_Value)
_OFFSET: Final = _Value.of.offset
_BOOL: Final = ffi.WASMTIME_COMPONENT_BOOL.value
_U8: Final = ffi.WASMTIME_COMPONENT_U8.value
_U32: Final = ffi.WASMTIME_COMPONENT_U32.value
_U64: Final = ffi.WASMTIME_COMPONENT_U64.value
_STRING: Final = ffi.WASMTIME_COMPONENT_STRING.value
_LIST: Final = ffi.WASMTIME_COMPONENT_LIST.value
_OPTION: Final = ffi.WASMTIME_COMPONENT_OPTION.value
_RESULT: Final = ffi.WASMTIME_COMPONENT_RESULT.value


@attrs.frozen
class _Some:
    value: str | None


Value = str | bytes | bool | int | GuestAnswer | None
"""A string, a ``list<u8>``, a bool, a ``u32`` or ``u64``, a ``result``, or nothing."""


def _put(slot: Any, value: Any) -> None:
    """Writes a value; what it owns belongs to wasmtime then."""
    if isinstance(value, str):
        told = value.encode("utf-8", "replace")
        slot.kind = _STRING
        raw.new_bytes(byref(slot.of.string), len(told), cast(ctypes.c_char_p(told), POINTER(ctypes.c_ubyte)))
    elif isinstance(value, bytes):
        _put_bytes(slot, value)
    elif isinstance(value, bool):
        slot.kind, slot.of.boolean = _BOOL, value
    elif isinstance(value, int):
        slot.kind, slot.of.u64 = _U64, value
    elif isinstance(value, GuestAnswer):
        slot.kind, slot.of.result.is_ok, slot.of.result.val = _RESULT, value.ok, _boxed(value.value)
    elif isinstance(value, _Some):
        slot.kind, slot.of.option = _OPTION, None if value.value is None else _boxed(value.value)


def _put_bytes(slot: Any, value: bytes) -> None:
    size = len(value)
    slot.kind = _LIST
    raw.component_new_list(byref(slot.of.list), size)
    if not size:
        return
    cells = bytearray(size * _SIZE)
    cells[0::_SIZE] = bytes((_U8,)) * size
    cells[_OFFSET::_SIZE] = value
    ctypes.memmove(slot.of.list.data, bytes(cells), size * _SIZE)


def _boxed(value: str | bytes) -> Any:
    inner = _Value()
    _put(inner, value)
    return raw.component_new_value(byref(inner))


def _taken(slot: Any) -> Value:
    """A copy of a value."""
    kind = slot.kind
    if kind == _STRING:
        return string_at(slot.of.string.data, slot.of.string.size).decode("utf-8")
    if kind == _LIST:
        size = slot.of.list.size
        return string_at(slot.of.list.data, size * _SIZE)[_OFFSET::_SIZE] if size else b""
    if kind == _U32:
        return int(slot.of.u32)
    if kind == _RESULT:
        inner = _taken(slot.of.result.val.contents) if slot.of.result.val else ""
        assert isinstance(inner, str | bytes), "it was inspected before"
        return GuestAnswer(bool(slot.of.result.is_ok), inner)
    raise TypeError(f"a value of the kind {kind} is not known")


Sync = Callable[[Sequence[Any]], Value]
Async = Callable[[Sequence[Any]], Waiting]
_kept: list[Any] = []
"""Callbacks that linkers point to: linkers live as long as the process."""


def _error(told: str) -> Any:
    return raw.new_error(cast(ctypes.c_char_p(told.encode("utf-8", "replace") + b"\0"), POINTER(ctypes.c_char)))


def _define(how: Any, interface: component.LinkerInstance, name: str, callback: Any) -> None:
    _kept.append(callback)
    told = name.encode()
    error = how(
        interface.ptr(), cast(ctypes.c_char_p(told), POINTER(ctypes.c_char)), len(told), callback, None, NO_FINALIZER
    )
    if error:
        raw.raise_raw(error)


def define_component_sync(interface: component.LinkerInstance, name: str, call: Sync, *, option: bool = False) -> None:
    """Gives components a function that answers at once.

    Args:
        interface: in a linker.
        name: of the function.
        call: gets the arguments. What it raises is a trap of the guest with the text of the error.
        option: whether the result is an ``option``, which is none for None.
    """

    def callback(_env: Any, _context: Any, _type: Any, args: Any, count: int, out: Any, outs: int) -> Any:
        try:
            result = call([_taken(args[k]) for k in range(count)])
            if outs:
                _put(out[0], _Some(result) if option else result)  # type: ignore[arg-type]  # an option of a string
            return 0
        except BaseException as exc:  # it must not pass through frames of wasmtime
            return cast(_error(text_of_fault(exc)), c_void_p).value

    _define(raw.component_add_sync, interface, name, raw.ComponentSyncCallback(callback))


def define_component_async(interface: component.LinkerInstance, name: str, call: Async) -> None:
    """Gives components a function that suspends them until its :class:`Waiting` is done. Its result is an
    :class:`GuestAnswer`."""

    def callback(
        _env: Any, _context: Any, _type: Any, args: Any, count: int, out: Any, _outs: int, error: Any, later: Any
    ) -> None:
        try:
            waiting = call([_taken(args[k]) for k in range(count)])
        except BaseException as exc:
            waiting = Waiting()
            waiting.done, waiting.fault = True, text_of_fault(exc)

        def tell() -> None:
            if waiting.fault:
                error[0] = _error(waiting.fault)
            else:
                _put(out[0], waiting.result)

        go_on_when_done(waiting, tell, ctypes.addressof(later.contents))

    _define(raw.component_add_async, interface, name, raw.ComponentAsyncCallback(callback))


class ComponentFiber(Fiber):
    """One call of a component that is under way, or its instantiation."""

    __slots__ = ()

    @classmethod
    def open(cls, store: wasmtime.Store, linker: component.Linker, what: component.Component) -> ComponentFiber:
        """Begins to instantiate a component."""
        self = cls(store)
        self._instance = ffi.wasmtime_component_instance_t()
        self._future = raw.component_instantiate_async(
            linker.ptr(), raw.context_of(store), what.ptr(), byref(self._instance), byref(self._error)
        )
        return self

    @classmethod
    def call_function(cls, store: wasmtime.Store, func: component.Func, args: Sequence[str | bytes]) -> ComponentFiber:
        """Begins to call a function that has one result."""
        self = cls(store)
        self._func = ctypes.pointer(raw.raw_func(func))
        self._args = (_Value * max(1, len(args)))()
        for slot, value in zip(self._args, args, strict=False):
            _put(slot, value)
        self._results = _Value()
        self._future = raw.component_call_async(
            self._func, raw.context_of(store), self._args, len(args), byref(self._results), 1, byref(self._error)
        )
        return self

    def close(self) -> None:
        """Ends the call, and frees its arguments."""
        super().close()
        args, self._args = self._args, None
        for slot in args or ():
            raw.component_delete_value(byref(slot))

    def opened(self) -> component.Instance:
        """What was instantiated. Raises WasmtimeError."""
        self._raise()
        return raw.from_raw(component.Instance, self._instance)

    def answer(self) -> Value:
        """The result of the function. Raises WasmtimeError."""
        self._raise()
        try:
            return _taken(self._results)
        finally:
            raw.component_delete_value(byref(self._results))
