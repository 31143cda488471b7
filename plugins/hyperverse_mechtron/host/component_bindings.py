"""The raw bindings of wasmtime for components: calls on fibers, and the host functions and resources that components
use."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_void_p, cast
from typing import Any

import wasmtime
from wasmtime import component

from . import raw
from .bindings import NO_FINALIZER
from .component_values import RawValue, Some, Value, put, taken
from .faults import text_of_fault
from .fibers import Fiber
from .going_on import go_on_when_done
from .raw import ffi
from .waiting import Waiting

__all__ = ["ComponentFiber", "define_component_async", "define_component_sync", "define_resource"]

Sync = Callable[[Sequence[Any]], Value]
Async = Callable[[Sequence[Any]], Waiting]
_kept: list[Any] = []
"""Callbacks that linkers point to. They must never be freed, because linkers live as long as the process."""


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

    def callback(_env: Any, context: Any, _type: Any, args: Any, count: int, out: Any, outs: int) -> Any:
        try:
            result = call([taken(args[k], context) for k in range(count)])
            if outs:
                put(out[0], Some(result) if option else result, context)
            return 0
        except BaseException as exc:  # it must not pass through frames of wasmtime
            return cast(_error(text_of_fault(exc)), c_void_p).value

    _define(raw.component_add_sync, interface, name, raw.ComponentSyncCallback(callback))


def define_component_async(interface: component.LinkerInstance, name: str, call: Async) -> None:
    """Defines a host function that suspends the component until its :class:`Waiting` is done. Its result is not a
    resource."""

    def callback(
        _env: Any, context: Any, _type: Any, args: Any, count: int, out: Any, outs: int, error: Any, later: Any
    ) -> None:
        try:
            waiting = call([taken(args[k], context) for k in range(count)])
        except BaseException as exc:
            waiting = Waiting()
            waiting.done, waiting.fault = True, text_of_fault(exc)

        def tell() -> None:
            if waiting.fault:
                error[0] = _error(waiting.fault)
            elif outs:
                put(out[0], waiting.result)

        go_on_when_done(waiting, tell, ctypes.addressof(later.contents))

    _define(raw.component_add_async, interface, name, raw.ComponentAsyncCallback(callback))


def define_resource(interface: component.LinkerInstance, name: str, kind: int, dropped: Callable[[int], None]) -> None:
    """Defines a resource type whose values only the host creates.

    Args:
        interface: in a linker.
        name: of the type.
        kind: its number.
        dropped: called with the number of each value that a guest drops. It must not raise.
    """

    def callback(_env: Any, _context: Any, number: int) -> int:
        dropped(number)
        return 0

    own = raw.ResourceCallback(callback)
    _kept.append(own)
    told, form = name.encode(), component.ResourceType.host(kind)
    error = raw.component_add_resource(
        interface.ptr(),
        cast(ctypes.c_char_p(told), POINTER(ctypes.c_char)),
        len(told),
        form.ptr(),
        own,
        None,
        NO_FINALIZER,
    )
    if error:
        raw.raise_raw(error)


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
        self._args = (RawValue * max(1, len(args)))()
        for slot, value in zip(self._args, args, strict=False):
            put(slot, value)
        self._results = RawValue()
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

    def answer(self) -> Any:
        """The result of the function. Raises WasmtimeError."""
        self._raise()
        try:
            return taken(self._results)
        finally:
            raw.component_delete_value(byref(self._results))
