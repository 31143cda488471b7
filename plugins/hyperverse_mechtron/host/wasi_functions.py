"""WASI preview 1: wasmtime's, overridden by host functions where a guest would wait or ask for time or randomness.

The epoch does not reach a guest that sleeps in wasmtime's own functions. In a host function its fiber is suspended, so
it ends at its deadline and holds no thread.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence
from typing import Final

import attrs
import wasmtime

from ..providers import PREVIEW_1, WASI_FUNCTIONS
from .faults import HostFault
from .waiting import Waiting
from .waits import Sleep, suspend
from .way import Memory, define_async, define_sync

__all__ = ["define_wasi"]

_SUCCESS, _INVALID, _NOT_SUPPORTED, _FAULT = 0, 28, 58, 21
_REALTIME, _MONOTONIC, _LAST_CLOCK = 0, 1, 3
_CLOCK, _READ, _WRITE = 0, 1, 2
_ABSOLUTE: Final = 1
_MOST: Final = 4096
"""Most subscriptions in one call."""


def define_wasi(linker: wasmtime.Linker) -> None:
    """Defines WASI preview 1 in a linker that allows shadowing."""
    linker.define_wasi()
    for name, call in (
        ("clock_time_get", _clock_time_get),
        ("clock_res_get", _clock_res_get),
        ("random_get", _random_get),
    ):
        types = WASI_FUNCTIONS[name]
        define_sync(linker, PREVIEW_1, name, types.params, types.results, call)
    types = WASI_FUNCTIONS["poll_oneoff"]
    define_async(linker, PREVIEW_1, "poll_oneoff", types.params, types.results, _poll_oneoff)


def _now(clock: int) -> int:
    return time.time_ns() if clock == _REALTIME else time.monotonic_ns()


def _clock_time_get(memory: Memory | None, args: Sequence[int]) -> int:
    clock, _precision, at = args
    if clock > _LAST_CLOCK:
        return _INVALID
    if clock > _MONOTONIC:
        return _NOT_SUPPORTED
    return _put(memory, at, struct.pack("<Q", _now(clock)))


def _clock_res_get(memory: Memory | None, args: Sequence[int]) -> int:
    clock, at = args
    if clock > _LAST_CLOCK:
        return _INVALID
    if clock > _MONOTONIC:
        return _NOT_SUPPORTED
    return _put(memory, at, struct.pack("<Q", 1000 if clock == _REALTIME else 1))


def _random_get(memory: Memory | None, args: Sequence[int]) -> int:
    at, size = args
    assert memory is not None
    if size > 1 << 24:
        memory.read(at + size - 1, 1)  # checks that the buffer fits in the memory before that many bytes are made
    return _put(memory, at, os.urandom(size))


def _put(memory: Memory | None, at: int, data: bytes) -> int:
    assert memory is not None
    try:
        memory.write(at, data)
    except HostFault:
        return _FAULT
    return _SUCCESS


@attrs.frozen
class _Subscription:
    user: bytes
    tag: int
    clock: int
    timeout: int
    flags: int

    @classmethod
    def read(cls, raw: bytes) -> _Subscription:
        clock, timeout, _precision, flags = struct.unpack_from("<IxxxxQQH", raw, 16)
        return cls(raw[:8], raw[8], clock, timeout, flags)

    def nanoseconds(self) -> int:
        """Returns how long its clock still has to run."""
        return max(0, self.timeout - _now(self.clock)) if self.flags & _ABSOLUTE else self.timeout

    def event(self, error: int) -> bytes:
        return self.user + struct.pack("<HBxxxxxQHxxxxxx", error, self.tag, int(self.tag != _CLOCK), 0)


def _poll_oneoff(memory: Memory | None, args: Sequence[int]) -> Waiting:
    wanted, events, count, told = args
    assert memory is not None
    if not 0 < count <= _MOST:
        return suspend(Sleep(0.0), _INVALID)
    try:
        raw = memory.read(wanted, 48 * count)
        subscriptions = [_Subscription.read(raw[48 * k : 48 * k + 48]) for k in range(count)]
        seconds, fired = _fired(subscriptions)
        memory.write(events, b"".join(fired))
        memory.write(told, struct.pack("<I", len(fired)))
    except HostFault:
        return suspend(Sleep(0.0), _FAULT)
    return suspend(Sleep(seconds), _SUCCESS)


def _fired(subscriptions: Sequence[_Subscription]) -> tuple[float, list[bytes]]:
    """Returns the seconds until the first events, and these events. Files and in-memory streams are ready at once."""
    at_once = [each.event(_SUCCESS) for each in subscriptions if each.tag in (_READ, _WRITE)]
    at_once += [
        each.event(_INVALID if each.tag == _CLOCK and each.clock > _LAST_CLOCK else _NOT_SUPPORTED)
        for each in subscriptions
        if each.tag > _WRITE or (each.tag == _CLOCK and each.clock > _MONOTONIC)
    ]
    clocks = [(each.nanoseconds(), each) for each in subscriptions if each.tag == _CLOCK and each.clock <= _MONOTONIC]
    if at_once:
        return 0.0, [*at_once, *(each.event(_SUCCESS) for left, each in clocks if not left)]
    first = min(left for left, _ in clocks)
    return first / 1e9, [each.event(_SUCCESS) for left, each in clocks if left <= first]
