"""The memory of guests and their standard input, over wasmtime's public API."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

import wasmtime

__all__ = ["PublicMemory", "set_stdin"]

_PAGE: Final = 65536


class PublicMemory:
    """The memory of an instance while no guest runs in its store, or the memory of the calling guest.

    Args:
        store: the store of the instance, or the caller.
        memory: one of its exports.
    """

    __slots__ = ("_memory", "_store")

    def __init__(self, store: wasmtime.Store | wasmtime.Caller, memory: wasmtime.Memory) -> None:
        self._store, self._memory = store, memory

    def size(self) -> int:
        """Its current size in bytes."""
        return int(self._memory.data_len(self._store))

    def grow_by(self, pages: int) -> None:
        """Grows the memory. Raises WasmtimeError when it must not grow further."""
        self._memory.grow(self._store, pages)

    def grow_to(self, size: int) -> bool:
        """Grows the memory to at least ``size`` bytes. Returns whether that was possible."""
        missing = size - self.size()
        try:
            if missing > 0:
                self.grow_by(-(-missing // _PAGE))
        except wasmtime.WasmtimeError:
            return False
        return True

    def read(self, at: int, size: int) -> bytes | None:
        """Copies a part; None when it reaches beyond the memory."""
        if at + size > self.size():
            return None
        return bytes(self._memory.read(self._store, at, at + size)) if size else b""

    def write(self, at: int, data: bytes) -> bool:
        """Writes into the memory; False when the data does not fit there."""
        if at + len(data) > self.size():
            return False
        if data:
            self._memory.write(self._store, data, at)
        return True


def set_stdin(config: wasmtime.WasiConfig, content: bytes) -> None:
    """Gives a WASI guest bytes to read from standard input, in a file that is already unlinked."""
    handle, path = tempfile.mkstemp(prefix="hyperverse-stdin-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        config.stdin_file = path
    finally:
        Path(path).unlink()  # wasmtime has it open
