"""How the waves of a concurrent particle begin in the order in which they came, and run beside one another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...scheduling.priority_queue import PriorityQueue
from ...scheduling.worker_pool import WorkerPool

__all__ = ["InOrder"]

Job = Callable[..., Coroutine[Any, Any, None]]
_IN_A_ROW = 32
_AT_WORK = -1
"""Instead of the priority of a worker that has begun: none is more urgent."""


class InOrder:
    """Signals that were accepted and have not begun, and Pings that came behind one.

    A worker begins one after the other, and goes on with the next when a handler has ended without waiting. When one
    waits, the worker stays with it, and another one goes on with the rest. A Ping runs in the task of its sender: that
    is woken, and has the loop before the next one begins.
    """

    __slots__ = ("_line", "_planned", "_pool", "_worker")

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._line: PriorityQueue[asyncio.Future[None] | tuple[Job, tuple[Any, ...]]] = PriorityQueue()
        self._worker: object | None = None  # who goes on, planned or at work
        self._planned = _AT_WORK  # with which priority

    def __bool__(self) -> bool:
        return self._worker is not None

    def put(self, job: Job, *args: Any, priority: int) -> None:
        """``job(*args)`` begins in its turn. Raises Unavailable when too much waits to begin on this machine."""
        self._pool.check_room()
        self._line.put((job, args), priority)
        if self._worker is None or priority < self._planned:
            self._plan(priority)

    async def turn(self, priority: int) -> None:
        """Returns when everything that came before has begun. Nothing that comes later begins before the caller has
        had the loop."""
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.put(begun, priority)
        if self._worker is None or priority < self._planned:
            self._plan(priority)
        await begun

    def _plan(self, priority: int) -> None:
        worker = object()
        self._pool.put_accepted(self._work, worker, priority, priority=priority)
        self._worker, self._planned = worker, priority

    async def _work(self, worker: object, priority: int) -> None:
        if self._worker is not worker:
            return  # an urgent one has come meanwhile, and another worker for it
        self._planned = _AT_WORK
        loop = asyncio.get_running_loop()
        done = 0
        while self._line:
            entry = self._line.take()
            done += 1
            if not isinstance(entry, tuple):
                if not entry.done():
                    entry.set_result(None)
                    await asyncio.sleep(0)
                continue
            waits = loop.call_soon(self._pass_on, worker, priority)
            try:
                await entry[0](*entry[1])
            finally:
                waits.cancel()
            if self._worker is not worker:
                return  # it has waited, and another one goes on
            if not done % _IN_A_ROW:
                await asyncio.sleep(0)  # everybody else wants the loop too
        self._worker = None

    def _pass_on(self, worker: object, priority: int) -> None:
        """The handler that was begun waits."""
        if self._worker is worker:
            self._worker = None
            if self._line:
                self._plan(priority)
