"""Checks in time: what a wave waits for before its handler runs ends before the wave does.

A sender whose time is over cannot tell whether the handler has run. While the policy is still being asked, the machine
can. So such a wait ends a moment before the deadline of its wave, and the sender is answered in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from ...errors import HyperverseError, TimedOut, Unavailable
from ...scheduling.deadlines import Deadline, Deadlines
from ...universe.address.point import RouteKind
from ...universe.waves.wave import Directed

__all__ = ["ChecksInTime"]

T = TypeVar("T")
_OF_DRIVERS: Final = ":drivers:"
"""In the points of drivers, which are below the point of a star."""
_FOR_THE_ANSWER: Final = 0.05
"""Seconds before the deadline of a wave when its checks end. Deadlines that are far away pass up to 0.02 s late."""
_SHARE: Final = 0.1
"""The same as a share of the time that is left, for waves with little time."""


class ChecksInTime:
    """The checks of one machine that waves and commands wait for.

    Args:
        deadlines: the deadlines of the event loop; None for its own.
    """

    def __init__(self, deadlines: Deadlines | None = None) -> None:
        self._deadlines = deadlines
        self._waiting: dict[Deadline, Directed] = {}
        self._stops_for: Callable[[Directed], bool] | None = None

    async def run(self, wave: Directed | None, check: Coroutine[Any, Any, T]) -> T:
        """Returns the result of ``check``.

        Args:
            wave: the wave that waits for it; None for no limit.
            check: runs nothing that the sender of the wave has asked for.

        Raises:
            TimedOut: the time of the wave is nearly over.
            Unavailable: the machine stops.
        """
        if wave is None:
            return await check
        if self._stops_for is not None and self._stops_for(wave):
            check.close()
            raise _stopping()
        deadlines = self._deadlines
        if deadlines is None:
            deadlines = self._deadlines = Deadlines(asyncio.get_running_loop())
        left = wave.deadline - deadlines.loop.time()
        deadline = deadlines.by(wave.deadline - min(_FOR_THE_ANSWER, max(0.0, left) * _SHARE))
        self._waiting[deadline] = wave
        try:
            with deadline:
                return await check
        finally:
            del self._waiting[deadline]
        raise self._ended(wave)  # reached when the deadline has ended the block above

    def stop_for_clients(self) -> None:
        """The machine stops: ends the waits of clients now, and at once from now on. Handlers and drivers may still
        finish their work, and send waves for it."""
        self._stop(_is_of_client)

    def stop(self) -> None:
        """Ends every wait now, and at once from now on: no handler works any more."""
        self._stop(_is_any)

    def _stop(self, stops_for: Callable[[Directed], bool]) -> None:
        self._stops_for = stops_for
        for deadline, wave in tuple(self._waiting.items()):
            if stops_for(wave):
                deadline.pass_()

    def _ended(self, wave: Directed) -> HyperverseError:
        if self._stops_for is not None and self._stops_for(wave):
            return _stopping()
        return TimedOut(
            "the time was over before the machine knew whether this is allowed, so it has not run",
            hint="give it more time with `wait`; if that does not help, the policy or the registry does not answer",
        )


def _is_of_client(wave: Directed) -> bool:
    """Whether the wave comes from a client, or from the platform itself: no handler and no driver has sent it."""
    sender = wave.sender
    return not wave.chain and sender.route.kind is RouteKind.STAR and _OF_DRIVERS not in sender.text


def _is_any(wave: Directed) -> bool:
    return True


def _stopping() -> Unavailable:
    return Unavailable("this machine is stopping, and this has not run", retry_after=1.0)
