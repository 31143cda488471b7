"""What guests share while they run: the clock at whose ticks they yield, the threads for long calls, and which guest
runs in which thread.

The clock ticks every millisecond, and only while guests run.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import wasmtime

if TYPE_CHECKING:
    from .guest import Guest

__all__ = ["clock", "current", "end_threads", "left_alone", "pool", "stuck"]

_TICK: Final = 0.001
_RESTS_AFTER: Final = 1000
"""Ticks without a call after which the clock rests."""


class _Current(threading.local):
    guest: Guest | None = None


current = _Current()
"""The guest that runs in this thread."""


class _Clock:
    """Ticks for all engines of the process, in a thread of its own that ends when no guest has run for a while."""

    def __init__(self) -> None:
        self.engines: list[wasmtime.Engine] = []
        self.idle = _RESTS_AFTER
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """A guest is about to run."""
        with self._lock:
            self.idle = 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._tick, name="hyperverse-wasm-clock", daemon=True)
                self._thread.start()

    def rest(self) -> None:
        """Ends the thread; the next call of a guest begins another."""
        self.idle = _RESTS_AFTER
        thread = self._thread
        if thread is not None:
            thread.join(1.0)

    def _tick(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_TICK)
            for each in self.engines:
                each.increment_epoch()
            with self._lock:
                self.idle += 1
                if self.idle >= _RESTS_AFTER:
                    self._thread = None
                    return


clock = _Clock()
_pools: list[ThreadPoolExecutor] = []


def pool() -> ThreadPoolExecutor:
    """The threads for what runs longer than its first slice: as many as there are cores."""
    if not _pools:
        _pools.append(ThreadPoolExecutor(os.cpu_count() or 2, "hyperverse-wasm"))
    return _pools[0]


_left: set[Future[bool]] = set()


def left_alone(turn: Future[bool]) -> None:
    """A thread of the pool is with a guest that was given up; it may come back or not."""
    _left.add(turn)
    turn.add_done_callback(_left.discard)


def stuck() -> int:
    """How many threads of the pool are with guests that were given up."""
    return len(_left)


def end_threads() -> None:
    """Ends the threads, without waiting for a guest that does not yield. The next call begins others."""
    while _pools:
        _pools.pop().shutdown(wait=False, cancel_futures=True)
    clock.rest()
