"""The functions that stand in for imports of libraries and commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import wasmtime

from ..binary import FuncType
from .engine import engine
from .faults import HostFault
from .wasi_functions import define_wasi
from .way import Memory, Sync, define_sync

__all__ = ["StandIn", "linker_with"]

StandIn = tuple[str, str, FuncType, str]
"""An import and its stand-in: module, name, type, name of the stand-in."""
_ABORT: Final = "the guest called a function that means abort"


@cache
def linker_with(fuel: bool, stand_ins: tuple[StandIn, ...], memory: str = "memory") -> wasmtime.Linker:
    """Returns a linker with WASI and the stand-ins for other imports. Many modules need the same few.

    Args:
        fuel: whether the modules count fuel.
        memory: name of their memory; empty when they export none.
    """
    linker = wasmtime.Linker(engine(fuel=fuel).wasm)
    linker.allow_shadowing = True
    define_wasi(linker)
    for module, name, types, which in stand_ins:
        define_sync(linker, module, name, types.params, types.results, _CALLS[which], memory=memory)
    return linker


def _memcpy(memory: Memory | None, args: Sequence[int]) -> int:
    assert memory is not None
    memory.write(args[0], memory.read(args[1], args[2]))
    return args[0]


def _grow(memory: Memory | None, args: Sequence[int]) -> int:
    """Grows the memory to the requested size. Returns whether that was possible."""
    assert memory is not None
    return int(memory.grow_to(args[0]))


def _trap(memory: Memory | None, args: Sequence[int]) -> int:
    raise HostFault(f"{_ABORT}: {', '.join(map(str, args))}" if args else _ABORT)


_CALLS: Final[Mapping[str, Sync]] = {"memcpy": _memcpy, "grow": _grow, "trap": _trap}
