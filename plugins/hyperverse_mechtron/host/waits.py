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
    """It sleeps for some seconds."""

    seconds: float

    async def finish(self, left: float) -> int | None:
        """Waits, at most ``left`` seconds. Returns None: the result is known."""
        await asyncio.sleep(min(self.seconds, max(0.0, left)))
        return None


@attrs.define
class Asking:
    """It waits for something of the platform.

    Attributes:
        work: called with the seconds that are left; returns what the guest gets.
    """

    work: Callable[[float], Awaitable[Any]]

    async def finish(self, left: float) -> Any:
        """Waits for the answer, which is what the guest gets."""
        return await self.work(left)


@attrs.define
class Suspended:
    """A guest that waits, and for what."""

    waiting: Waiting
    what: Sleep | Asking

    async def finish(self, left: float) -> None:
        """Waits, at most for about ``left`` seconds; the guest can then go on."""
        result = await self.what.finish(left)
        if result is not None:
            self.waiting.result = result
        self.waiting.end()


def suspend(what: Sleep | Asking, result: Any = 0) -> Waiting:
    """Suspends the guest that runs in this thread.

    Args:
        what: what it waits for.
        result: what it gets, where that is known before.
    """
    waiting = Waiting()
    waiting.result = result
    if isinstance(what, Sleep) and what.seconds <= 0:
        waiting.done = True
        return waiting
    guest = current.guest
    if guest is None:
        raise HostFault("no guest runs here")
    guest.pending = Suspended(waiting, what)
    return waiting
