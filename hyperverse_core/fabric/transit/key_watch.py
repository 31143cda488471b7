"""The watch on the keys that are let in: what a removed key has opened ends within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ..cluster.trusted_keys import TrustedKeys

__all__ = ["KeyWatch"]

_SECONDS: Final = 0.5
"""How often the keys are looked at."""


class KeyWatch:
    """Looks at the keys twice a second, from when there is another machine.

    Args:
        keys: which machines are let in.
        cut: ends the connections of those that are not let in any more.
        each_time: called after each look.
    """

    __slots__ = ("_cut", "_each_time", "_keys", "_task")

    def __init__(self, keys: TrustedKeys, *, cut: Callable[[], None], each_time: Callable[[], None]) -> None:
        self._keys = keys
        self._cut = cut
        self._each_time = each_time
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Looks from now on. May be called often."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch(), name="keys")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            if self._keys.changed():
                self._cut()
            self._each_time()

    async def close(self) -> None:
        """Looks no more. May be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
