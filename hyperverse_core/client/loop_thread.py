"""An event loop in a separate thread, for callers that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from ..errors import BadRequest, Unavailable

__all__ = ["LoopThread"]

T = TypeVar("T")


class _Awaited(Future[T]):
    """The result that a thread waits for, and the task that produces it."""

    task: asyncio.Task[None] | None = None


class LoopThread:
    """Runs coroutines for threads that wait for them. It is a daemon thread: it does not keep the program alive."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._lock = threading.Lock()
        self._closed = False
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def wait_for(self, work: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> T:
        """Runs ``work(*args, **kwargs)`` and returns its result, or raises its error. Anything that interrupts the
        caller, such as Ctrl-C, cancels the work.

        Raises:
            BadRequest: the caller is in the thread of the loop, and would wait for itself.
            Unavailable: the thread is closed.
        """
        if threading.get_ident() == self._thread.ident:
            raise BadRequest(
                "a blocking call in the thread of its own client would wait for itself forever",
                hint="a callback of on_wave returns its answer; for more, use an async Client in it",
            )
        with self._lock:  # otherwise the loop may close between the check and the call
            if self._closed:
                raise Unavailable("the client is closed", hint="make a new one")
            result: _Awaited[T] = _Awaited()
            self._loop.call_soon_threadsafe(self._begin, result, work, args, kwargs)
        try:
            return result.result()
        except CancelledError:
            raise Unavailable("the client was closed meanwhile", hint="make a new one") from None
        except BaseException:
            if not result.done():
                self._loop.call_soon_threadsafe(self._cancel, result)
            raise

    def _begin(self, result: _Awaited[T], work: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        task = self._loop.create_task(self._settle(result, work, args, kwargs))
        result.task = task  # the loop itself holds only weak references to tasks

    @staticmethod
    async def _settle(result: _Awaited[T], work: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            found = await work(*args, **kwargs)
        except asyncio.CancelledError:
            result.cancel()
            raise
        except BaseException as exc:  # any exception is raised in the thread that waits
            result.set_exception(exc)
        else:
            result.set_result(found)

    @staticmethod
    def _cancel(result: _Awaited[Any]) -> None:
        if result.task is not None:
            result.task.cancel()

    def walk(self, make: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        """Yields the items of an async iterator. Leaving the loop ends it."""
        iterator = self.wait_for(_made, make)
        try:
            while True:
                try:
                    yield self.wait_for(_next, iterator)
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None and not self._closed:
                self.wait_for(close)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Runs ``last``, cancels everything else and ends the thread. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            ending = asyncio.run_coroutine_threadsafe(self._end(last), self._loop)
        if threading.get_ident() != self._thread.ident:
            ending.result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        else:
            ending.add_done_callback(lambda _: self._loop.stop())

    async def _end(self, last: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        if last is not None:
            await last()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _made(make: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
    return make()


async def _next(iterator: AsyncIterator[T]) -> T:
    return await anext(iterator)
