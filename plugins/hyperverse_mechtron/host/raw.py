"""The private names of wasmtime: each is looked up once, and only in this file.

wasmtime's public API for Python cannot suspend a guest; its raw bindings can. A name that is missing is listed in
``MISSING``, and guests then run over the public API: see ``public_calls``.
"""

from __future__ import annotations

import ctypes
import inspect
import sys
from collections.abc import Callable
from ctypes import POINTER, c_bool, c_char_p, c_size_t, c_uint64, c_void_p, cast
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any, Final, NoReturn

import wasmtime
from wasmtime import component

__all__ = ["MISSING", "why_no_fibers"]

_missing: list[str] = []


def _module(load: Callable[[], ModuleType]) -> Any:
    try:
        return load()
    except ImportError as exc:
        _missing.append(exc.name or str(exc))
        return None


_bindings: Final = _module(lambda: import_module("wasmtime._bindings"))
ffi: Final = _module(lambda: import_module("wasmtime._ffi"))
"""The structures and constants of the raw bindings."""


def _bound(name: str) -> Any:
    found = getattr(_bindings, name, None)
    if found is None:
        _missing.append(name.lstrip("_"))
    return found


def _plain(name: str, result: Any, *args: Any, short: bool = False) -> Any:
    """Returns the raw binding of that name, with addresses as plain numbers: making an object for each pointer takes
    longer than many calls.

    Args:
        result: type of the result; None for none.
        args: the types of its arguments.
        short: whether it returns so soon that it keeps Python's lock.
    """
    found = _bound(name)
    form = ctypes.PYFUNCTYPE if short else ctypes.CFUNCTYPE
    return None if found is None else form(result, *args)(cast(found, c_void_p).value or 0)


def _pointer_to(name: str) -> Any:
    found = getattr(ffi, name, None)
    if found is None:
        _missing.append(name)
        return None
    return POINTER(found)


set_concurrency: Final = _bound("_wasmtime_config_concurrency_support_set")
linker_define_async: Final = _bound("_wasmtime_linker_define_async_func")
linker_define_sync: Final = _bound("_wasmtime_linker_define_func")
linker_instantiate_async: Final = _bound("_wasmtime_linker_instantiate_async")
export_of_caller: Final = _plain(
    "_wasmtime_caller_export_get", c_bool, c_void_p, c_char_p, c_size_t, c_void_p, short=True
)
export_of_instance: Final = _plain(
    "_wasmtime_instance_export_get", c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p, short=True
)
context_of_caller: Final = _plain("_wasmtime_caller_context", c_void_p, c_void_p, short=True)
grow: Final = _plain("_wasmtime_memory_grow", c_void_p, c_void_p, c_void_p, c_uint64, c_void_p)
size_of: Final = _plain("_wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p, short=True)
data_of: Final = _plain("_wasmtime_memory_data", c_void_p, c_void_p, c_void_p, short=True)
delete_error_at: Final = _plain("_wasmtime_error_delete", None, c_void_p)
delete_extern: Final = _bound("_wasmtime_extern_delete")
new_error: Final = _bound("_wasmtime_error_new")
new_trap: Final = _bound("_wasmtime_trap_new")
new_bytes: Final = _bound("_wasm_byte_vec_new")
set_stdin_bytes: Final = _bound("_wasi_config_set_stdin_bytes")
func_call_async: Final = _bound("_wasmtime_func_call_async")
prepared_call_async: Final = _plain(
    "_wasmtime_func_call_async",
    c_void_p,
    *(c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p),
    short=True,
)
"""Starts a call; nothing runs before it is polled."""
poll: Final = _plain("_wasmtime_call_future_poll", c_bool, c_void_p)
delete_future: Final = _plain("_wasmtime_call_future_delete", None, c_void_p, short=True)
yield_at: Final = _bound("_wasmtime_context_epoch_deadline_async_yield_and_update")
component_call_async: Final = _bound("_wasmtime_component_func_call_async")
component_instantiate_async: Final = _bound("_wasmtime_component_linker_instantiate_async")
component_add_async: Final = _bound("_wasmtime_component_linker_instance_add_func_async")
component_add_sync: Final = _bound("_wasmtime_component_linker_instance_add_func")
component_new_value: Final = _bound("_wasmtime_component_val_new")
component_delete_value: Final = _bound("_wasmtime_component_val_delete")
component_new_list: Final = _bound("_wasmtime_component_vallist_new_uninit")
component_new_tuple: Final = _bound("_wasmtime_component_valtuple_new_uninit")
component_new_record: Final = _bound("_wasmtime_component_valrecord_new_uninit")
component_add_resource: Final = _bound("_wasmtime_component_linker_instance_add_resource")
new_resource: Final = _bound("_wasmtime_component_resource_host_new")
resource_as_value: Final = _bound("_wasmtime_component_resource_host_to_any")
resource_of_value: Final = _bound("_wasmtime_component_resource_any_to_host")
number_of_resource: Final = _bound("_wasmtime_component_resource_host_rep")
delete_resource: Final = _bound("_wasmtime_component_resource_host_delete")
ComponentValue: Final = _bound("wasmtime_component_val_t")
AsyncCallback: Final = _bound("wasmtime_func_async_callback_t")
SyncCallback: Final[Any] = getattr(ffi, "wasmtime_func_callback_t", None)
ComponentAsyncCallback: Final = _bound("wasmtime_component_func_async_callback_t")
ComponentSyncCallback: Final = _bound("wasmtime_component_func_callback_t")
ResourceCallback: Final = _bound("wasmtime_component_resource_destructor_t")
TrapPointer: Final = _pointer_to("wasm_trap_t")
ErrorPointer: Final = _pointer_to("wasmtime_error_t")
ResourcePointer: Final = _pointer_to("wasmtime_component_resource_host_t")
ResourceValue: Final = _pointer_to("wasmtime_component_resource_any_t")

set_stack_creator: Final[Any] = getattr(_bindings, "_wasmtime_config_host_stack_creator_set", None)
"""Without it wasmtime makes the stacks of fibers itself, so it is none of the names that fibers need. The same is true
of the types of its arguments."""
StackCreator: Final[Any] = getattr(_bindings, "wasmtime_stack_creator_t", None)
StackNew: Final[Any] = getattr(_bindings, "wasmtime_new_stack_memory_callback_t", None)
StackGet: Final[Any] = getattr(_bindings, "wasmtime_stack_memory_get_callback_t", None)
StackFinalizer: Final = ctypes.CFUNCTYPE(None, c_void_p)

_METHODS: Final = (
    (wasmtime.Store, "_context"),
    (wasmtime.Trap, "_from_ptr"),
    (wasmtime.WasmtimeError, "_from_ptr"),
    (wasmtime.Instance, "_from_raw"),
    (component.Instance, "_from_raw"),
    (wasmtime.Global, "_from_raw"),
    (wasmtime.Table, "_from_raw"),
    (wasmtime.Memory, "_from_raw"),
    (wasmtime.Instance, "_instance"),
    (wasmtime.Func, "_func"),
    (component.Func, "_func"),
    (wasmtime.Memory, "_memory"),
)
"""Members of public classes; the last four are fields that the classes declare."""
_missing += [
    f"{owner.__name__}.{name}"
    for owner, name in _METHODS
    if not hasattr(owner, name) and name not in inspect.get_annotations(owner)
]
if SyncCallback is None:
    _missing.append("wasmtime_func_callback_t")
MISSING: Final = tuple(dict.fromkeys(_missing))
"""The names that this version of wasmtime lacks."""


def why_no_fibers() -> str:
    """Returns why guests run over the public API; empty when they run on fibers."""
    if sys.version_info[:3] == (3, 14, 0):
        return "Python 3.14.0 mistakes the stack of a fiber for an overflow"
    if MISSING:
        return f"wasmtime {version('wasmtime')} has no {', '.join(MISSING)}, which calls on fibers need"
    return ""


def context_of(store: wasmtime.Store) -> Any:
    """Converts a store for the raw bindings."""
    return store._context()


def is_open(store: wasmtime.Store) -> bool:
    """Whether a store has not been closed."""
    try:
        store._context()
    except ValueError:
        return False
    return True


def raw_func(func: Any) -> Any:
    """Converts a function for the raw bindings."""
    return func._func


def raw_instance(instance: wasmtime.Instance) -> Any:
    """Converts an instance for the raw bindings."""
    return instance._instance


def raw_memory(memory: wasmtime.Memory) -> Any:
    """Converts a memory for the raw bindings."""
    return memory._memory


def from_raw(form: Any, raw: Any) -> Any:
    """Converts an object made by the raw bindings to one of the public API."""
    return form._from_raw(raw)


def raise_raw(error: Any) -> NoReturn:
    """Raises an error of the raw bindings."""
    raise wasmtime.WasmtimeError._from_ptr(error)


def raise_trap(trap: Any) -> NoReturn:
    """Raises a trap of the raw bindings."""
    raise wasmtime.Trap._from_ptr(trap)


def address_of(pointer: Any) -> int:
    """Returns the address that a pointer of the raw bindings holds."""
    return c_void_p.from_buffer(pointer).value or 0  # a cast would leave a dict in the pointer
