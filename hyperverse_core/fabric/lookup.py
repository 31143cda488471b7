"""Answers that are found once and kept, without letting a later wave overtake an earlier one.

While an answer is being found, whoever asks for it queues up. When it has come they go on in the order in which
they asked; only when nobody is left in the queue is the answer put where it is found without waiting. So a wave
that comes late cannot slip past those that are just being woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Lookup"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Queue(Generic[V]):
    __slots__ = ("done", "stale", "task", "value", "waiting")

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[V]] = []
        self.done = False
        self.stale = False
        self.value: V
        self.task: asyncio.Task[None]


class Lookup(Generic[K, V]):
    """Finds values by key.

    Args:
        find: finds a value; what it raises goes to everybody who waits for that key, and nothing is kept.
        keep: puts a value where it will be found from now on.
    """

    __slots__ = ("_find", "_keep", "_loop", "_queues")

    def __init__(self, find: Callable[[K], Awaitable[V]], keep: Callable[[K, V], None]) -> None:
        self._find = find
        self._keep = keep
        self._queues: dict[K, _Queue[V]] = {}
        self._loop = asyncio.get_running_loop()

    async def get(self, key: K) -> V:
        """The value of ``key``, in turn."""
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
            queue.task = self._loop.create_task(self._run(key, queue))
        future: asyncio.Future[V] = self._loop.create_future()
        queue.waiting.append(future)
        return await future

    async def _run(self, key: K, queue: _Queue[V]) -> None:
        try:
            queue.value = await self._find(key)
        except BaseException as exc:  # whatever it is, it is theirs who asked
            del self._queues[key]
            for future in queue.waiting:
                if not future.done():
                    if isinstance(exc, asyncio.CancelledError):
                        future.cancel()
                    else:
                        future.set_exception(exc)
            if not isinstance(exc, Exception):
                raise
            return
        self._admit(key, queue)

    def _admit(self, key: K, queue: _Queue[V]) -> None:
        waiting, queue.waiting = queue.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(queue.value)
        if waiting:
            self._loop.call_soon(self._admit, key, queue)  # behind those that were just woken
            return
        del self._queues[key]
        if not queue.stale:
            self._keep(key, queue.value)

    def forget(self, key: K) -> None:
        """What is being found for ``key`` now will not be kept."""
        queue = self._queues.get(key)
        if queue is not None:
            queue.stale = True

    def forget_all(self) -> None:
        """What is being found now will not be kept."""
        for queue in self._queues.values():
            queue.stale = True

    def __contains__(self, key: K) -> bool:
        return key in self._queues

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = [queue.task for queue in self._queues.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
