"""Host functions for guests over wasmtime's public API: a function that waits blocks the thread of its guest.

Errors raised by such a function are recorded at the guest: wasmtime keeps one last exception for all threads, so the
exception that a call returns may belong to another guest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Final

import wasmtime
from wasmtime import component

from .faults import HostFault, text_of_fault
from .public_memory import PublicMemory
from .running import current
from .typed_values import Own, VariantCase
from .waiting import GuestAnswer, Waiting, func_type, signed
from .waits import Suspended

__all__ = [
    "CallerMemory",
    "DeadlinePassed",
    "define_async",
    "define_component_async",
    "define_component_sync",
    "define_resource",
    "define_sync",
]

_MASKS: Final = {"i32": 0xFFFFFFFF, "i64": (1 << 64) - 1}


class DeadlinePassed(Exception):
    """A guest was waiting in a host function when its time ran out."""


class CallerMemory:
    """The memory of the calling guest, valid during that call."""

    __slots__ = ("_seen",)

    def __init__(self, caller: wasmtime.Caller, name: str = "memory") -> None:
        found = caller.get(name)
        if not isinstance(found, wasmtime.Memory):
            raise HostFault("the guest exports no memory to read from")
        self._seen = PublicMemory(caller, found)

    def read(self, at: int, size: int) -> bytes:
        """Copies ``size`` bytes from ``at``. Raises HostFault when they reach beyond the memory."""
        found = self._seen.read(at, size)
        if found is None:
            raise self._outside(at, size)
        return found

    def read_each(self, places: Sequence[int]) -> list[bytes]:
        """Copies several parts, each given by an address and a size. Raises HostFault likewise."""
        return [self.read(at, size) for at, size in zip(places[::2], places[1::2], strict=True)]

    def write(self, at: int, data: bytes) -> None:
        """Writes ``data`` at ``at``. Raises HostFault when it does not fit in the memory."""
        if not self._seen.write(at, data):
            raise self._outside(at, len(data))

    def grow_to(self, size: int) -> bool:
        """Grows the memory to at least ``size`` bytes. Returns whether that was possible."""
        return self._seen.grow_to(size)

    def _outside(self, at: int, size: int) -> HostFault:
        return HostFault(f"the guest points outside of its memory: {size} bytes at {at} of {self._seen.size()}")


Sync = Callable[[CallerMemory | None, Sequence[int]], int | None]
Async = Callable[[CallerMemory | None, Sequence[int]], Waiting]


def define_sync(
    linker: wasmtime.Linker,
    module: str,
    name: str,
    params: Sequence[str],
    results: Sequence[str],
    call: Sync,
    *,
    memory: str = "memory",
) -> None:
    """Gives guests a host function that answers at once. An error that it raises becomes a trap of the guest, with the
    text of the error. Its arguments are whole numbers, unless it always traps. ``memory`` is the name of the guest's
    memory; empty when it has none."""

    def callback(caller: wasmtime.Caller, *args: Any) -> int | None:
        with _Noted():
            seen = CallerMemory(caller, memory) if args and memory else None
            return _result(call(seen, _unsigned(args, params)), results)

    linker.define_func(module, name, func_type(params, results), callback, access_caller=True)


def define_async(
    linker: wasmtime.Linker, module: str, name: str, params: Sequence[str], results: Sequence[str], call: Async
) -> None:
    """Gives guests a host function that suspends them until its :class:`Waiting` is done."""

    def callback(caller: wasmtime.Caller, *args: Any) -> int | None:
        with _Noted():
            seen = CallerMemory(caller) if args else None
            return _result(_waited(call(seen, _unsigned(args, params))), results)

    linker.define_func(module, name, func_type(params, results), callback, access_caller=True)


def define_component_sync(
    interface: component.LinkerInstance, name: str, call: Callable[[Sequence[Any]], Any], *, option: bool = False
) -> None:
    """Gives components a host function that answers at once.

    Args:
        interface: an interface of a linker.
        name: name of the function.
        call: takes the arguments. An error that it raises becomes a trap of the guest, with the text of the error.
        option: whether the result is an ``option``, where None means none: the public API converts that by itself.
    """

    def callback(store: Any, *args: Any) -> Any:
        with _Noted():
            return _put(call([_taken(each, store) for each in args]))

    interface.add_func(name, callback)


def define_component_async(
    interface: component.LinkerInstance, name: str, call: Callable[[Sequence[Any]], Waiting]
) -> None:
    """Gives components a host function that suspends them until its :class:`Waiting` is done. Its result is not a
    resource."""

    def callback(store: Any, *args: Any) -> Any:
        with _Noted():
            return _put(_waited(call([_taken(each, store) for each in args])))

    interface.add_func(name, callback)


def define_resource(interface: component.LinkerInstance, name: str, kind: int, dropped: Callable[[int], None]) -> None:
    """Gives components a resource type whose values only the platform makes.

    Args:
        interface: an interface of a linker.
        name: name of the type.
        kind: number of the type.
        dropped: called with the number of each value that a guest drops. It must not raise.
    """
    interface.add_resource(name, component.ResourceType.host(kind), lambda _, number: dropped(number))


def _put(value: Any) -> Any:
    """Converts a value for the public API. It needs a ``Variant`` when types cannot tell the cases of a ``result``
    apart: when both are strings, or neither carries a value."""
    if isinstance(value, Own):
        return component.ResourceHost.own(value.number, value.kind)
    if not isinstance(value, GuestAnswer):
        return value
    if value.value is None or type(value.value) is str:
        return component.Variant("ok" if value.ok else "err", value.value)
    return None if isinstance(value.value, VariantCase) else value.value


def _taken(value: Any, store: Any) -> Any:
    """Converts a value from the public API; a resource of the platform becomes its number."""
    if isinstance(value, component.ResourceAny):
        return value.to_host(store).rep
    if isinstance(value, list):
        return [_taken(each, store) for each in value]
    if isinstance(value, component.Variant):
        return GuestAnswer(value.tag == "ok", value.payload)
    return value


class _Noted:
    """Records at the guest the error that a host function raises."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: Any, error: BaseException | None, _where: Any) -> None:
        guest = current.guest
        if error is None or guest is None:
            return
        guest.fault = error if isinstance(error, DeadlinePassed) else HostFault(text_of_fault(error))
        raise HostFault(text_of_fault(error))


def _unsigned(args: Sequence[Any], types: Sequence[str]) -> list[int]:
    return [value & _MASKS[kind] if kind in _MASKS else value for value, kind in zip(args, types, strict=True)]


def _result(value: int | None, results: Sequence[str]) -> int | None:
    return signed(value or 0, int(results[0][1:])) if results else None


def _waited(waiting: Waiting) -> Any:
    """Waits, in the guest's own thread, for what the guest waits for. Raises DeadlinePassed."""
    guest = current.guest
    assert guest is not None
    pending, guest.pending = guest.pending, None
    if pending is not None:
        _finish(pending, guest)
    if waiting.fault:
        raise HostFault(waiting.fault)
    return waiting.result


def _finish(pending: Suspended, guest: Any) -> None:
    loop = guest.loop
    left = guest.until - loop.time()
    work: Future[None] = asyncio.run_coroutine_threadsafe(pending.finish(left), loop)
    guest.waits_in = work
    try:
        work.result()
    except CancelledError:
        raise DeadlinePassed from None
    finally:
        guest.waits_in = None
    if loop.time() >= guest.until:
        raise DeadlinePassed
