"""The memory of guests, over wasmtime's raw bindings. Addresses are plain numbers: making an object for each pointer
would take longer than the copy."""

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
    """The current location of a memory, which moves only when the memory grows.

    Args:
        context: address of the store for the raw bindings.
        where: address of the memory for the raw bindings.
        keeps: the owner of that address, which must stay alive.
    """

    __slots__ = ("_context", "_data", "_keeps", "_size", "_where")

    def __init__(self, context: int, where: int, keeps: Any) -> None:
        self._context, self._where, self._keeps = context, where, keeps
        self._size, self._data = -1, 0

    def seen(self) -> int:
        """Refreshes the location, and returns the size of the memory."""
        size: int = raw.size_of(self._context, self._where)
        if size != self._size:
            self._data = raw.data_of(self._context, self._where) or 0
            self._size = size
        return size


class Memory(_Seen):
    """The memory of the calling guest, valid during that call."""

    __slots__ = ()

    def read(self, at: int, size: int) -> bytes:
        """Copies ``size`` bytes from ``at``. Raises HostFault when they reach beyond the memory."""
        if at + size > self.seen():
            raise self._outside(at, size)
        return string_at(self._data + at, size)

    def read_each(self, places: Sequence[int]) -> list[bytes]:
        """Copies several parts, each given by an address and a size. Raises HostFault likewise."""
        whole, data, found = self.seen(), self._data, []
        for at, size in zip(places[::2], places[1::2], strict=True):
            if at + size > whole:
                raise self._outside(at, size)
            found.append(string_at(data + at, size))
        return found

    def write(self, at: int, data: bytes) -> None:
        """Writes ``data`` at ``at``. Raises HostFault when it does not fit in the memory."""
        if at + len(data) > self.seen():
            raise self._outside(at, len(data))
        memmove(self._data + at, data, len(data))

    def grow_to(self, size: int) -> bool:
        """Grows the memory to at least ``size`` bytes. Returns whether that was possible."""
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
    """Returns the memory of the calling guest, by the name of the export. Raises HostFault when it exports none."""
    extern = ffi.wasmtime_extern_t()
    found = raw.export_of_caller(caller, name, len(name), addressof(extern))
    if not found or extern.kind != _MEMORY:
        if found:
            raw.delete_extern(byref(extern))
        raise HostFault("the guest exports no memory to read from")
    return Memory(raw.context_of_caller(caller), addressof(extern.of), extern)


class GuestMemory(_Seen):
    """The memory of an instance, while no guest runs in its store.

    Args:
        store: the store of the instance.
        memory: one of its exports.

    """

    __slots__ = ("_inside", "_store")

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        raw_memory = ffi.wasmtime_memory_t.from_buffer_copy(raw.raw_memory(memory))  # without what it is a part of
        super().__init__(raw.address_of(raw.context_of(store)), addressof(raw_memory), raw_memory)
        self._store = store
        self._inside: Memory | None = None

    @property
    def inside(self) -> Memory:
        """The same memory for host functions, while its guest runs and has called one."""
        if self._inside is None:
            self._inside = Memory(self._context, self._where, self._keeps)
        return self._inside

    def size(self) -> int:
        """Its current size in bytes."""
        return self._now()

    def grow_by(self, pages: int) -> None:
        """Grows the memory. Raises WasmtimeError when it must not grow further."""
        memory: wasmtime.Memory = raw.from_raw(wasmtime.Memory, self._keeps)
        memory.grow(self._store, pages)

    def read(self, at: int, size: int) -> bytes | None:
        """Copies a part; None when it reaches beyond the memory."""
        if at + size > self._now():
            return None
        return string_at(self._data + at, size)

    def write(self, at: int, data: bytes) -> bool:
        """Writes into the memory; False when the data does not fit there."""
        if at + len(data) > self._now():
            return False
        memmove(self._data + at, data, len(data))
        return True

    def _now(self) -> int:
        """Returns the size of the memory. Raises ValueError when its store is closed."""
        raw.context_of(self._store)
        return self.seen()
