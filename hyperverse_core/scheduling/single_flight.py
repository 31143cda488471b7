"""Values that are looked up once and kept, without letting a later wave overtake an earlier one.

While the first caller looks a value up, the others queue. When it is found they continue in the order in which they
asked. The value becomes available without waiting only when the last of them continues and no other has joined
meanwhile. So a late wave cannot overtake those that are just being woken.

A caller that asks after a change must not get a value from before it. The value is then looked up again, and callers
that are already waiting also get the new value. Otherwise the old value might arrive after the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from ..errors import Unavailable
from ..scheduling.cancellation import ends_task

__all__ = ["SingleFlight"]

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")
V = TypeVar("V")


class _Waiter(Generic[A, V]):
    __slots__ = ("future", "queue")

    def __init__(self, queue: _Queue[A, V], future: asyncio.Future[V]) -> None:
        self.queue = queue
        self.future = future


class _Queue(Generic[A, V]):
    __slots__ = ("asked", "stale", "value", "waiting", "woken")

    def __init__(self, asked: A) -> None:
        self.asked = asked
        self.waiting: list[_Waiter[A, V]] = []
        self.woken = 0
        self.stale = False
        self.value: V


class SingleFlight(Generic[K, A, V]):
    """Finds values by key.

    Args:
        find: looks up a value. Its errors go to every caller that waits for that key, and nothing is kept.
        keep: stores the value of a key where callers find it without waiting from now on.
    """

    __slots__ = ("_closed", "_find", "_keep", "_loop", "_queues", "_tasks")

    def __init__(self, find: Callable[[A], Awaitable[V]], keep: Callable[[K, V], None]) -> None:
        self._find = find
        self._keep = keep
        self._queues: dict[K, _Queue[A, V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def get(self, key: K, asked: A) -> V:
        """Returns the value of ``key``, in order. The first caller looks it up inline; the others wait for that.

        Args:
            key: identifies the value.
            asked: argument for ``find``. It is separate from the key so that the key can be one that is quick to hash.
        """
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue(asked)
            try:
                queue.value = await self._find(asked)
            except BaseException as exc:
                self._failed(key, queue, exc)
                raise
            self._admit(key, queue)
            return queue.value
        if queue.stale:
            queue = self._succeed(key, queue, asked)
        future: asyncio.Future[V] = self._loop.create_future()
        waiter = _Waiter(queue, future)
        queue.waiting.append(waiter)
        try:
            return await future
        finally:
            if future.done() and not future.cancelled() and future.exception() is None:
                queue = waiter.queue
                queue.woken -= 1
                if not queue.woken:
                    self._admit(key, queue)

    def _succeed(self, key: K, old: _Queue[A, V], asked: A) -> _Queue[A, V]:
        """Makes a queue for callers that ask after a change; those that are already waiting come before them."""
        queue = self._queues[key] = _Queue(asked)
        queue.waiting, old.waiting = old.waiting, []
        for waiter in queue.waiting:
            waiter.queue = queue
        self._begin_to_find(key, queue)
        return queue

    def _failed(self, key: K, queue: _Queue[A, V], exc: BaseException) -> None:
        """Passes an error to the callers that asked. The cancellation of one caller, however, is not an answer for the
        others."""
        waiting = [waiter for waiter in queue.waiting if not waiter.future.done()]
        if not isinstance(exc, asyncio.CancelledError):
            self._refuse(key, queue, exc)
        elif not waiting or self._closed:
            self._refuse(key, queue, _stopping())
        else:
            self._begin_to_find(key, queue)

    def _refuse(self, key: K, queue: _Queue[A, V], exc: BaseException) -> None:
        self._leave(key, queue)
        for waiter in queue.waiting:
            if not waiter.future.done():
                waiter.future.set_exception(exc)

    def _begin_to_find(self, key: K, queue: _Queue[A, V]) -> None:
        task = self._loop.create_task(self._go_on(key, queue))
        self._tasks.add(task)
        task.add_done_callback(partial(self._went_on, key, queue))

    async def _go_on(self, key: K, queue: _Queue[A, V]) -> None:
        """Looks the value up for the callers that still wait."""
        try:
            queue.value = await self._find(queue.asked)
        except BaseException as exc:
            if ends_task(exc):
                raise
            self._failed(key, queue, exc)
        else:
            self._admit(key, queue)

    def _went_on(self, key: K, queue: _Queue[A, V], task: asyncio.Task[None]) -> None:
        """Handles the end of the task. This cannot be done inside the task, because a task that is cancelled before it
        has started catches nothing."""
        self._tasks.discard(task)
        if task.cancelled():
            self._refuse(key, queue, _stopping())

    def _admit(self, key: K, queue: _Queue[A, V]) -> None:
        """Wakes the waiting callers; the last of them calls this again when it continues."""
        waiting, queue.waiting = queue.waiting, []
        for waiter in waiting:
            if not waiter.future.done():
                waiter.future.set_result(queue.value)
                queue.woken += 1
        if queue.woken:
            return
        self._leave(key, queue)
        if not queue.stale:
            self._keep(key, queue.value)

    def _leave(self, key: K, queue: _Queue[A, V]) -> None:
        if self._queues.get(key) is queue:
            del self._queues[key]

    def forget(self, key: K) -> None:
        """Ensures that a value that is currently being looked up for ``key`` is not kept."""
        queue = self._queues.get(key)
        if queue is not None:
            queue.stale = True

    def forget_all(self) -> None:
        """Ensures that values that are currently being looked up are not kept."""
        for queue in self._queues.values():
            queue.stale = True

    def __contains__(self, key: K) -> bool:
        return key in self._queues

    async def close(self) -> None:
        """Cancels lookups in progress; callers that wait for them get Unavailable."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _stopping() -> Unavailable:
    return Unavailable("this machine is stopping", retry_after=1.0)
