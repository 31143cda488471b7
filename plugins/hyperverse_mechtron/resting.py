"""Lets guests give back memory that they need only during calls, soon after their last one."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

__all__ = ["Resting"]

_AFTER: Final = 1.0
"""Seconds between two rounds. The first call after one takes a microsecond longer."""
_AT_ONCE: Final = 100
"""How many rest in one turn of the event loop: each takes a microsecond or two."""


class _Rests(Protocol):
    def rest(self) -> None:
        """Lets the guests rest that are in no call."""


class Resting:
    """The particles of a machine whose guests have been called since the last round."""

    def __init__(self) -> None:
        self._called: set[_Rests] = set()
        self._timer: asyncio.Handle | None = None

    def called(self, whose: _Rests) -> None:
        """Records that a call of a particle's guest has ended."""
        self._called.add(whose)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_AFTER, self._round, None)

    def _round(self, left: set[_Rests] | None) -> None:
        if left is None:
            left, self._called = self._called, set()
        for _ in range(min(len(left), _AT_ONCE)):
            left.pop().rest()
        loop = asyncio.get_running_loop()
        if left:
            self._timer = loop.call_soon(self._round, left)
        else:
            self._timer = loop.call_later(_AFTER, self._round, None) if self._called else None

    def close(self) -> None:
        """Ends the rounds: the machine stops, and frees the guests."""
        self._called.clear()
        if self._timer is not None:
            self._timer.cancel()
