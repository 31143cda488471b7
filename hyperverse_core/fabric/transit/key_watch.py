"""Watches the admitted keys: connections of a removed key end within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ..cluster.trusted_keys import TrustedKeys

__all__ = ["KeyWatch"]

_SECONDS: Final = 0.5
"""Seconds between two checks of the keys."""


class KeyWatch:
    """Checks the keys twice a second, once there is another machine.

    Args:
        keys: the admitted machines.
        cut: ends the connections of machines that are no longer admitted.
        each_time: called after each check.
    """

    __slots__ = ("_cut", "_each_time", "_keys", "_task")

    def __init__(self, keys: TrustedKeys, *, cut: Callable[[], None], each_time: Callable[[], None]) -> None:
        self._keys = keys
        self._cut = cut
        self._each_time = each_time
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Starts checking. May be called often."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch(), name="keys")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            if self._keys.changed():
                self._cut()
            self._each_time()

    async def close(self) -> None:
        """Stops checking. May be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
