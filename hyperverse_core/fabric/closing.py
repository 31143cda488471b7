"""Closing: the parts of a machine close in the opposite order of their opening, and none prevents the others from
closing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from ..errors import HyperverseError
from ..scheduling.at_most import at_most
from ..scheduling.cancellation import ends_task
from ..scheduling.guarded_log import guarded_log

__all__ = ["ClosingStack"]

_log = guarded_log("hyperverse.machine")
_CLOSE = 2.0
"""Seconds that closing one part may take if no time is left to stop gracefully."""

Step = Callable[[], Awaitable[object]]


class ClosingStack:
    """The steps of a machine when it stops: the opposite of its opening, the last step first.

    A step that fails, or takes too long, is logged and does not prevent the others.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._until = 0.0

    def close(self, name: str, close: Step) -> None:
        """Adds the closing of a part. It may take two seconds or, in a graceful stop, all the time that is left.

        Args:
            name: the name of the part, for the log.
            close: closes it.
        """
        self._stack.push_async_callback(partial(self._close, name, close))

    def leave(self, name: str, leave: Step) -> None:
        """Adds a farewell to others, which runs before the parts that are open so far close. It is skipped if the
        machine does not stop gracefully, or if no time is left for it.

        Args:
            name: the subject of the farewell, for the log.
            leave: carries it out.
        """
        self._stack.push_async_callback(partial(self._leave, name, leave))

    def callback(self, step: Callable[[], None]) -> None:
        """Adds a call that neither waits nor fails."""
        self._stack.callback(step)

    async def run(self, grace: float = 0.0) -> None:
        """Closes everything. May be called twice; the second call does nothing.

        Args:
            grace: seconds that all of it may take; steps that have not ended by then are cut. 0 cuts them immediately.
        """
        self._until = asyncio.get_running_loop().time() + grace
        await self._stack.aclose()

    def _left(self) -> float:
        """Seconds that are left of a graceful stop."""
        return self._until - asyncio.get_running_loop().time()

    async def _close(self, name: str, close: Step) -> None:
        await self._guarded(f"{name} could not be closed", close, max(_CLOSE, self._left()))

    async def _leave(self, name: str, leave: Step) -> None:
        left = self._left()
        if left > 0:
            await self._guarded(f"{name}: the farewell failed", leave, left)

    async def _guarded(self, complaint: str, step: Step, seconds: float) -> None:
        try:
            await at_most(seconds, _awaited(step))
        except TimeoutError:
            _log.error("%s: it took more than %.3g s and is cut", complaint, seconds)
        except (HyperverseError, OSError) as exc:
            _log.warning("%s: %s", complaint, exc)
        except BaseException as exc:
            if ends_task(exc):
                self._until = 0.0  # the caller that stops the machine waits no longer
                raise
            _log.exception("%s; please report it", complaint)


async def _awaited(step: Step) -> None:
    await step()
