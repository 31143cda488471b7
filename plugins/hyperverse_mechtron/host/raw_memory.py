"""The memory of guests, by the raw bindings of wasmtime: addresses are numbers, since an object for each pointer would
take longer than the copy."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import addressof, byref, memmove, string_at
from typing import Any, Final

import wasmtime

from . import raw
from .faults import HostFault
from .raw import ffi

__all__ = ["GuestMemory", "Memory", "memory_of_caller"]

_PAGE: Final = 65536
_MEMORY: Final = ffi.WASMTIME_EXTERN_MEMORY.value


class _Seen:
    """Where a memory is now. It can only have moved when it has grown.

    Args:
        context: address of what the raw bindings take for a store.
        where: address of what they take for the memory.
        keeps: what that address belongs to.
    """

    __slots__ = ("_context", "_data", "_keeps", "_size", "_where")

    def __init__(self, context: int, where: int, keeps: Any) -> None:
        self._context, self._where, self._keeps = context, where, keeps
        self._size, self._data = -1, 0

    def seen(self) -> int:
        """Its size."""
        size: int = raw.size_of(self._context, self._where)
        if size != self._size:
            self._data = raw.data_of(self._context, self._where) or 0
            self._size = size
        return size


class Memory(_Seen):
    """The memory of the guest that has called, as long as that call lasts."""

    __slots__ = ()

    def read(self, at: int, size: int) -> bytes:
        """A copy of ``size`` bytes from ``at``. Raises HostFault when they are not all in the memory."""
        if at + size > self.seen():
            raise self._outside(at, size)
        return string_at(self._data + at, size)

    def read_each(self, places: Sequence[int]) -> list[bytes]:
        """Copies of several parts, each of which is an address and a size after it. Raises likewise."""
        whole, data, found = self.seen(), self._data, []
        for at, size in zip(places[::2], places[1::2], strict=True):
            if at + size > whole:
                raise self._outside(at, size)
            found.append(string_at(data + at, size))
        return found

    def write(self, at: int, data: bytes) -> None:
        """Writes ``data`` at ``at``. Raises HostFault when that is not all in the memory."""
        if at + len(data) > self.seen():
            raise self._outside(at, len(data))
        memmove(self._data + at, data, len(data))

    def grow_to(self, size: int) -> bool:
        """Grows it to at least ``size`` bytes. Returns whether that was possible."""
        missing, before = size - self.seen(), ctypes.c_uint64()
        if missing <= 0:
            return True
        error = raw.grow(self._context, self._where, -(-missing // _PAGE), byref(before))
        if error:
            raw.delete_error_at(error)
        return not error

    def _outside(self, at: int, size: int) -> HostFault:
        return HostFault(f"the guest points outside of its memory: {size} bytes at {at} of {self._size}")


def memory_of_caller(caller: int, name: bytes) -> Memory:
    """The memory of the guest that has called, by the name of the export. Raises HostFault when it exports none."""
    extern = ffi.wasmtime_extern_t()
    found = raw.export_of_caller(caller, name, len(name), addressof(extern))
    if not found or extern.kind != _MEMORY:
        if found:
            raw.delete_extern(byref(extern))
        raise HostFault("the guest exports no memory, so nothing can be read from it")
    return Memory(raw.context_of_caller(caller), addressof(extern.of), extern)


class GuestMemory(_Seen):
    """The memory of an instance, while no guest runs in its store.

    Args:
        store: of the instance.
        memory: an export of it.

    Attributes:
        inside: the same for functions of ours, while its guest runs and has called one.
    """

    __slots__ = ("_memory", "_store", "inside")

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        context, where = raw.address_of(raw.context_of(store)), addressof(raw.raw_memory(memory))
        super().__init__(context, where, memory)
        self._store, self._memory = store, memory
        self.inside = Memory(context, where, memory)

    def size(self) -> int:
        """Bytes that it has now."""
        return self._now()

    def grow_by(self, pages: int) -> None:
        """Makes it larger. Raises WasmtimeError when it may not be."""
        self._memory.grow(self._store, pages)

    def read(self, at: int, size: int) -> bytes | None:
        """A copy of a part; None when it is not all in it."""
        if at + size > self._now():
            return None
        return string_at(self._data + at, size)

    def write(self, at: int, data: bytes) -> bool:
        """Writes into it; False when the place is not all in it."""
        if at + len(data) > self._now():
            return False
        memmove(self._data + at, data, len(data))
        return True

    def _now(self) -> int:
        """Its size. Raises ValueError when its store is closed."""
        raw.context_of(self._store)
        return self.seen()
