"""What running guests share: the clock at whose ticks they yield, the threads for long calls, and the record of which
guest runs in which thread.

The clock ticks every millisecond, but only while guests run.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from .raw import why_no_fibers

if TYPE_CHECKING:
    from .guest import Guest

__all__ = [
    "busy",
    "clock",
    "come_back",
    "current",
    "end_guests",
    "end_threads",
    "left_alone",
    "pool",
    "stuck",
    "waiting",
]

_TICK: Final = 0.001
_THREADS_WHERE_GUESTS_WAIT: Final = 256
_RESTS_AFTER: Final = 1000
"""Ticks without a call after which the clock stops."""


class _Current(threading.local):
    guest: Guest | None = None


current = _Current()
"""The guest that is running in this thread."""


class _Clock:
    """Ticks for all engines of the process, in a thread that ends when no guest has run for a while.

    Attributes:
        tick: seconds between two ticks. The thread makes up for ticks that it misses, since calls over the public API
            count ticks until their deadline.
    """

    tick: Final = _TICK

    def __init__(self) -> None:
        self.engines: list[wasmtime.Engine] = []
        self.idle = _RESTS_AFTER
        self._held = 0
        self._ends = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self) -> None:
        """A guest runs in a thread until :meth:`let_go`: the clock must not stop."""
        with self._lock:
            self._held += 1
        self.wake()

    def let_go(self) -> None:
        """That guest has left the thread."""
        with self._lock:
            self._held -= 1
            if self._ends and not self._held:
                self._ends, self.idle = False, _RESTS_AFTER

    def wake(self) -> None:
        """Starts the clock if necessary: a guest is about to run."""
        self._ends = False
        if self.idle < _RESTS_AFTER // 2 and self._thread is not None:
            self.idle = 0  # long before it stops, so nothing is lost if the thread increments it at this moment
            return
        with self._lock:
            self.idle = 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._tick, name="hyperverse-wasm-clock", daemon=True)
                self._thread.start()

    def rest(self) -> None:
        """Stops the clock once no guest is in a thread of the pool: without ticks that guest would never yield. The
        next call of a guest starts it again."""
        with self._lock:
            if self._held:
                self._ends = True
                return
            self.idle = _RESTS_AFTER
            thread = self._thread
        if thread is not None:
            thread.join(1.0)

    def _tick(self) -> None:
        pause, next_tick = threading.Event(), monotonic() + _TICK
        while True:
            pause.wait(_TICK)
            missed = int((monotonic() - next_tick) / _TICK) + 1 if monotonic() >= next_tick else 0
            next_tick += missed * _TICK
            for each in self.engines:
                for _ in range(missed):
                    each.increment_epoch()
            with self._lock:
                self.idle = 0 if self._held else self.idle + 1
                if self.idle >= _RESTS_AFTER:
                    self._thread = None
                    return


clock = _Clock()
_pools: list[ThreadPoolExecutor] = []


def pool() -> ThreadPoolExecutor:
    """Returns the threads for calls that outlast their first time slice: one for each core. Over the public API guests
    also wait in these threads, so there are more."""
    if not _pools:
        count = _THREADS_WHERE_GUESTS_WAIT if why_no_fibers() else os.cpu_count() or 2
        _pools.append(ThreadPoolExecutor(count, "hyperverse-wasm"))
    return _pools[0]


busy: Final[set[Guest]] = set()
"""The guests in threads of the pool, and those that wait for one."""
waiting: Final[dict[Guest, asyncio.Task[Any]]] = {}
"""The guests that wait for an answer or for a time, in no thread, and the tasks that wait with them."""
_left: Final[dict[Future[bool], float]] = {}
"""Turns of guests that were abandoned, and when each counts as stuck."""


def left_alone(turn: Future[bool], *, comes_back_within: float) -> None:
    """A thread of the pool runs a guest that was abandoned; it may or may not come back.

    Args:
        turn: what the thread does.
        comes_back_within: seconds after which it counts as stuck.
    """
    _left[turn] = monotonic() + comes_back_within
    turn.add_done_callback(lambda done: _left.pop(done, None))


def stuck() -> int:
    """Returns how many threads of the pool run guests that were abandoned and do not come back."""
    now = monotonic()
    return sum(late <= now for late in [*_left.values()])


async def come_back() -> None:
    """Waits until each abandoned guest has left its thread, or counts as stuck."""
    while left := [each for each, late in [*_left.items()] if late > monotonic()]:
        latest = max(_left.get(each, 0.0) for each in left)
        await asyncio.wait([asyncio.wrap_future(each) for each in left], timeout=max(0.0, latest - monotonic()))


def end_guests(owner: object) -> None:
    """Ends the guests of an owner that run or wait: each when it yields next."""
    for guest in [*busy, *waiting]:
        if guest.owner is owner:
            guest.stop()


def end_threads() -> None:
    """Ends the guests that run or wait, and the threads, without waiting for a guest that does not yield. The next call
    starts new threads."""
    for guest in [*busy, *waiting]:
        guest.stop()
    while _pools:
        _pools.pop().shutdown(wait=False, cancel_futures=True)
    clock.rest()
