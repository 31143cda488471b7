"""The exports of an instance, each looked up on demand: objects for all of them would take as much as the
rest of a guest that is idle."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import addressof
from typing import Any, Final

import wasmtime

from . import raw
from .raw import ffi

__all__ = ["Exports"]

_FORMS: Final = {
    ffi.WASMTIME_EXTERN_FUNC.value: (wasmtime.Func, "func"),
    ffi.WASMTIME_EXTERN_GLOBAL.value: (wasmtime.Global, "global_"),
    ffi.WASMTIME_EXTERN_TABLE.value: (wasmtime.Table, "table"),
    ffi.WASMTIME_EXTERN_MEMORY.value: (wasmtime.Memory, "memory"),
}


class Exports:
    """The exports of an instance.

    Args:
        store: of the instance.
        instance: whose exports they are.
    """

    __slots__ = ("_instance", "_names", "_store")

    def __init__(self, store: wasmtime.Store, instance: wasmtime.Instance) -> None:
        self._store, self._instance = store, raw.raw_instance(instance)
        self._names: tuple[str, ...] | None = None

    def get(self, name: str) -> Any:
        """The function, global, table or memory of that name; None when there is none. Raises ValueError when its store
        is closed."""
        context, wanted, item = raw.address_of(raw.context_of(self._store)), name.encode(), ffi.wasmtime_extern_t()
        where = addressof(self._instance)
        if not raw.export_of_instance(context, where, wanted, len(wanted), addressof(item)):
            return None
        form, field = _FORMS.get(item.kind, (None, ""))
        return None if form is None else raw.from_raw(form, getattr(item.of, field))

    def __iter__(self) -> Iterator[str]:
        if self._names is None:
            whole: Any = raw.from_raw(wasmtime.Instance, self._instance)
            self._names = tuple(whole.exports(self._store))
        return iter(self._names)
