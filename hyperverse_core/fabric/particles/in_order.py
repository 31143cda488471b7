"""Starts the waves of a concurrent particle in the order of their arrival, and lets them run concurrently."""

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
"""The priority of a worker that has begun, than which no wave is more urgent."""


class InOrder:
    """Accepted Signals that have not started, and Pings that arrived after one.

    A worker starts one after another, and continues with the next if a handler ended without waiting. If a handler
    waits, the worker stays with it, and another worker continues with the rest. A Ping runs in the task of its sender,
    which is woken and gets the loop before the next wave begins.
    """

    __slots__ = ("_line", "_planned", "_pool", "_worker")

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._line: PriorityQueue[asyncio.Future[None] | tuple[Job, tuple[Any, ...]]] = PriorityQueue()
        self._worker: object | None = None  # the worker that continues, planned or running
        self._planned = _AT_WORK  # its priority

    def __bool__(self) -> bool:
        return self._worker is not None

    def put(self, job: Job, *args: Any, priority: int) -> None:
        """Starts ``job(*args)`` in its turn. Raises Unavailable if too much waits on this machine."""
        self._pool.check_room()
        self._line.put((job, args), priority)
        if self._worker is None or priority < self._planned:
            self._plan(priority)

    async def turn(self, priority: int) -> None:
        """Returns once everything that arrived before has started. Nothing that arrives later starts before the caller
        has had the loop."""
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
            return  # an urgent wave arrived meanwhile, with another worker
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
                return  # its handler waited, and another worker continues
            if not done % _IN_A_ROW:
                await asyncio.sleep(0)  # give others the loop
        self._worker = None

    def _pass_on(self, worker: object, priority: int) -> None:
        """Lets another worker continue, because the handler that was started is waiting."""
        if self._worker is worker:
            self._worker = None
            if self._line:
                self._plan(priority)
