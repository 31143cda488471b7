"""Waiting for a task that may ignore its cancellation.

When code that awaits a task or ``asyncio.gather`` is cancelled, the cancellation is passed to the awaited task, and
comes back when that has ended. So a task that swallows its cancellation blocks everything that waits for it.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, TimerHandle
from typing import Any

__all__ = ["WaitsForTask"]


class WaitsForTask(Future[None]):
    """Replaces a future that a coroutine has yielded: it is yielded to the event loop instead.

    Args:
        awaited: a task, or another future that passes on its cancellation.
        grace: seconds that it may continue after it was cancelled.

    Attributes:
        given_up: whether it continued for longer and was abandoned.
    """

    def __init__(self, awaited: Future[Any], grace: float) -> None:
        super().__init__(loop=awaited.get_loop())
        self._awaited = awaited
        self._grace = grace
        self._timer: TimerHandle | None = None
        self.given_up = False
        # Same as ``Future.__await__`` does for a future that is yielded, and a task for one that it receives.
        awaited._asyncio_future_blocking = False
        self._asyncio_future_blocking = True
        awaited.add_done_callback(self._ended)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancels the awaited task, and abandons it if it does not end in time."""
        if self.done() or not self._awaited.cancel(msg):
            return False
        if self._timer is None:
            self._timer = self.get_loop().call_later(self._grace, self._give_up)
        return True

    def _ended(self, awaited: Future[Any]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.done():
            return
        # ``gather`` then has a CancelledError as its exception, and is not cancelled itself.
        if awaited.cancelled() or isinstance(awaited.exception(), CancelledError):
            super().cancel()
        else:
            self.set_result(None)  # the awaiting code takes the result from there

    def _give_up(self) -> None:
        if not self.done():
            self.given_up = True
            super().cancel()
