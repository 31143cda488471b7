"""The stacks of fibers, many of them in one map of the process's memory.

wasmtime would map each stack by itself, with a page before it that nothing may touch: two maps for each live guest, of
the 65,530 that Linux lets a process have. Linux 6.13 and later can guard a page without dividing its map. So there,
stacks are parts of large maps; elsewhere wasmtime makes them itself.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
from ctypes import byref, c_int, c_size_t, c_void_p
from typing import Any, Final

import wasmtime

from . import raw
from .running import current

__all__ = ["STACKS", "Stacks", "use_stacks"]

_GUARD: Final = 102
"""``MADV_GUARD_INSTALL``, which Python does not name."""
_NORESERVE: Final = 0x4000
"""``MAP_NORESERVE``: only pages that are used count. Python names it from 3.13 on."""
_IN_ONE_MAP: Final = 64


def _advise() -> Any:
    """``madvise`` of the C library, which does not need an object for the memory; None where there is none."""
    try:
        found = ctypes.CDLL(None, use_errno=True).madvise
    except (OSError, TypeError, AttributeError):
        return None
    found.argtypes, found.restype = (c_void_p, c_size_t, c_int), c_int
    return found


_Stack = tuple[int, int]
"""The first address of a stack, and its size in bytes."""


class Stacks:
    """Gives wasmtime stacks and takes them back, in any thread. A guest keeps its stack from call to call.

    Attributes:
        maps: the maps that they are parts of. They stay; the pages of a stack that is not used are given back.
    """

    def __init__(self) -> None:
        self.maps: list[mmap.mmap] = []
        self._advise: Any = _advise()
        self._page, self._unused = mmap.PAGESIZE, mmap.MADV_DONTNEED
        self._free: dict[int, list[_Stack]] = {}
        self._used: dict[int, _Stack] = {}
        self._numbers = itertools.count(1)
        self._creator: Any = None
        if raw.set_stack_creator is not None:
            self._none = raw.StackFinalizer()
            self._end = raw.StackFinalizer(self._take_back)
            self._where = raw.StackGet(self._place)
            self._creator = raw.StackCreator(None, raw.StackNew(self._new), self._none)

    def possible(self) -> bool:
        """Whether this system can guard a page within a map."""
        advise = self._advise
        if self._creator is None or advise is None:
            return False
        try:
            with mmap.mmap(-1, self._page, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
                start = ctypes.c_char.from_buffer(page)
                try:
                    return bool(advise(ctypes.addressof(start), self._page, _GUARD) == 0)
                finally:
                    del start  # it holds the map
        except OSError:
            return False

    def give_to(self, config: wasmtime.Config) -> None:
        """Has the engines of that configuration take their stacks from here."""
        raw.set_stack_creator(config.ptr(), byref(self._creator))

    def _new(self, _: Any, size: int, _zeroed: bool, to: Any) -> int:
        """Called by wasmtime. Returns the address of an error; 0 for none."""
        try:
            number = self._number(-(-size // self._page) * self._page)
        except (OSError, MemoryError) as exc:
            return raw.address_of(raw.new_error(f"there is no memory for the stack of a guest: {exc}".encode()))
        stack = to.contents
        stack.env, stack.get_stack_memory, stack.finalizer = number, self._where, self._end
        if current.guest is not None:
            current.guest.stack = number
        return 0

    def _number(self, size: int) -> int:
        """Takes a stack, under a number that no other ever has."""
        free = self._free.setdefault(size, [])
        while True:
            try:
                stack = free.pop()
            except IndexError:
                free.extend(self._more(size))
                continue
            number = next(self._numbers)
            self._used[number] = stack
            return number

    def _more(self, size: int) -> list[_Stack]:
        """Maps memory for more stacks. Each begins with the page that is guarded, since it grows towards it."""
        each = size + self._page
        whole = mmap.mmap(-1, each * _IN_ONE_MAP, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE)
        first = ctypes.addressof(ctypes.c_char.from_buffer(whole))
        slots = [first + number * each for number in range(_IN_ONE_MAP)]
        for slot in slots:
            if self._advise(slot, self._page, _GUARD):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.maps.append(whole)
        return [(slot + self._page, size) for slot in reversed(slots)]

    def _place(self, number: int, size: Any) -> int:
        """Called by wasmtime, once for each stack. Returns the address of its end."""
        first, size[0] = self._used[number]
        return first + int(size[0])

    def _take_back(self, number: int) -> None:
        """Called by wasmtime. What was on the stack is gone: the next guest begins with zeros."""
        stack = self._used.pop(number)
        self._advise(*stack, self._unused)
        self._free[stack[1]].append(stack)

    def empty(self, number: int) -> None:
        """Gives the memory of a stack back to the system. Its guest keeps it, and must not be in a call."""
        stack = self._used.get(number)
        if stack is not None:  # else wasmtime has taken it from the guest
            self._advise(*stack, self._unused)


STACKS: Final = Stacks()
"""Those of this process."""
ctypes.pythonapi.Py_IncRef(ctypes.py_object(STACKS))  # stores may end after this module has, and call it
_POSSIBLE: Final = STACKS.possible()


def use_stacks(config: wasmtime.Config) -> bool:
    """Has the engines of a configuration take their stacks from here. Returns whether this system can."""
    if _POSSIBLE:
        STACKS.give_to(config)
    return _POSSIBLE
