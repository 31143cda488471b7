"""What a suspended guest waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from .faults import HostFault
from .running import current
from .waiting import Waiting

__all__ = ["Asking", "Sleep", "Suspended", "suspend"]


@attrs.define
class Sleep:
    """The guest sleeps for some seconds."""

    seconds: float

    async def finish(self, left: float) -> int | None:
        """Waits for at most ``left`` seconds. Returns None: the result is known already."""
        await asyncio.sleep(min(self.seconds, max(0.0, left)))
        return None


@attrs.define
class Asking:
    """The guest waits for an answer of the platform.

    Attributes:
        work: called with the remaining seconds; returns what the guest gets.
    """

    work: Callable[[float], Awaitable[Any]]

    async def finish(self, left: float) -> Any:
        """Waits for the answer, and returns it for the guest."""
        return await self.work(left)


@attrs.define
class Suspended:
    """A suspended guest, and the object that it waits for."""

    waiting: Waiting
    what: Sleep | Asking

    async def finish(self, left: float) -> None:
        """Waits for at most about ``left`` seconds; then the guest can continue."""
        result = await self.what.finish(left)
        if result is not None:
            self.waiting.result = result
        self.waiting.end()


def suspend(what: Sleep | Asking, result: Any = 0) -> Waiting:
    """Suspends the guest that is running in this thread.

    Args:
        what: the object that it waits for.
        result: what the guest gets, if that is known beforehand.
    """
    waiting = Waiting()
    waiting.result = result
    if isinstance(what, Sleep) and what.seconds <= 0:
        waiting.done = True
        return waiting
    guest = current.guest
    if guest is None:
        raise HostFault("no guest is running in this thread")
    guest.pending = Suspended(waiting, what)
    return waiting
