"""Workers for waves that nobody awaits inline: Signals, the copies of a Ripple, waves from other machines.

A task costs as much as half a wave, and most handlers never wait. So one worker takes job after job and runs them in
its own task; the next worker starts only when a job really waits. Stepping coroutines without a task would be cheaper
still, but breaks ``asyncio.timeout`` inside them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from ..errors import Unavailable
from .cancellation import ends_task
from .guarded_log import guarded_log
from .priority_queue import ORDINARY, PriorityQueue

__all__ = ["WorkerPool"]

_log = guarded_log("hyperverse.fabric")
_IN_A_ROW = 32
Job = Callable[[], Coroutine[Any, Any, None]]


class WorkerPool:
    """Runs jobs in the order in which they were put. Each starts as soon as those before it have ended or wait. Urgent
    jobs start before jobs that were put earlier but have not started.

    Args:
        limit: number of jobs that may wait to start; beyond it, :meth:`put` raises Unavailable.

    Attributes:
        variables: the context of the worker that starts a job. The job must read it immediately: a job that does
            several things in sequence checks there whether the first has set a variable. `copy_context()` would give
            the same information, but is a call: 50 ns for each Signal and each copy of a Ripple.
    """

    __slots__ = ("_closed", "_idle", "_jobs", "_limit", "_loop", "_wake_planned", "_workers", "variables")

    def __init__(self, limit: int = 100_000) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: PriorityQueue[tuple[Callable[..., Coroutine[Any, Any, None]], tuple[Any, ...]]] = PriorityQueue()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._limit = limit
        self._wake_planned = False
        self._closed = False
        self.variables = Context()

    def put(self, job: Callable[..., Coroutine[Any, Any, None]], *args: Any, priority: int = ORDINARY) -> None:
        """Schedules ``job(*args)``, which must handle its own errors. Raises Unavailable if too many jobs wait."""
        if len(self._jobs) >= self._limit:
            self.check_room()
        self._plan(job, args, priority)

    def check_room(self) -> None:
        """Raises Unavailable if too many jobs wait."""
        if len(self._jobs) >= self._limit:
            raise Unavailable(f"{self._limit} waves are waiting to start", retry_after=0.1)

    def put_accepted(self, job: Callable[..., Coroutine[Any, Any, None]], *args: Any, priority: int = ORDINARY) -> None:
        """Like :meth:`put`, but for work that was already accepted, which is scheduled however many jobs wait. Raises
        Unavailable only if the machine is stopping."""
        self._plan(job, args, priority)

    def _plan(self, job: Callable[..., Coroutine[Any, Any, None]], args: tuple[Any, ...], priority: int) -> None:
        if self._closed:
            raise Unavailable("this machine is stopping")
        jobs = self._jobs
        if jobs.ranks is None and priority == ORDINARY:
            jobs.append((job, args))  # same as `put`, without the call
        else:
            jobs.put((job, args), priority)
        if not self._wake_planned:
            self._wake_planned = True
            self._wake()

    def _wake(self) -> None:
        """Starts one more worker, and runs again right after that worker's first step, for as long as jobs wait."""
        if not self._jobs or self._closed:
            self._wake_planned = False
            return
        while self._idle:
            sleeper = self._idle.pop()
            if not sleeper.done():
                sleeper.set_result(None)
                break
        else:
            self._begin_worker()
        self._loop.call_soon(self._wake)

    def _begin_worker(self) -> None:
        variables = Context()
        task = self._loop.create_task(self._work(variables), context=variables)
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)

    async def _work(self, variables: Context) -> None:
        jobs = self._jobs
        done = 0
        while True:
            while jobs:
                if done == _IN_A_ROW:
                    done = 0
                    await asyncio.sleep(0)  # timers and other tasks also need the loop
                    continue  # others may have taken the next job
                done += 1
                job, args = jobs.popleft() if jobs.ranks is None else jobs.take()
                self.variables = variables
                try:
                    await job(*args)
                except BaseException as exc:
                    if ends_task(exc):
                        raise
                    _log.exception("a wave was lost to an error of the fabric; please report it")
                if variables and not self._closed:  # variables that one job has set must not reach the next
                    self._begin_worker()
                    return
            if self._closed or len(self._idle) >= 64:
                return
            sleeper = self._loop.create_future()
            self._idle.append(sleeper)
            await sleeper

    @property
    def waiting(self) -> int:
        """Number of jobs that have not started."""
        return len(self._jobs)

    async def close(self) -> None:
        """Cancels the running jobs and waits for their end. May be called twice."""
        self._closed = True
        self._jobs.clear()
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
