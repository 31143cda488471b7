"""How long the units of one connection take: shows a locked or slow database in the status of a machine."""

from __future__ import annotations

import time
from typing import Final

import attrs

from hyperverse_core.registry import Trouble

__all__ = ["LONG", "Pace"]

LONG: Final = 1.0
"""A unit that takes this many seconds or more is slow."""
_SHOWN: Final = 60.0
"""Seconds for which a slow unit is reported after its end. Slow units within this time are reported as one trouble."""


@attrs.define(eq=False)
class Pace:
    """Times the units of one connection, which run one after another. The runner sets the attributes directly, which
    saves a call.

    Attributes:
        what: what the units are, for the status.
        begun: when the current unit began, by the monotonic clock; None when none is running.
    """

    what: str
    begun: float | None = None
    _slow_since: float = 0.0
    _slow_until: float | None = None
    _slow: int = 0
    _longest: float = 0.0

    def note(self, begun: float, now: float) -> None:
        """Records a unit that took :data:`LONG` or more."""
        if self._slow_until is None or begun - self._slow_until > _SHOWN:
            self._slow_since, self._slow, self._longest = begun, 0, 0.0
        self._slow_until = now
        self._slow += 1
        self._longest = max(self._longest, now - begun)

    def trouble(self, waits_for: str, waiting: int) -> Trouble | None:
        """Returns what is slow; None when nothing is.

        Args:
            waits_for: what the current unit waits for; empty when it is running.
            waiting: number of units queued behind it.
        """
        now = time.monotonic()
        if self.begun is not None and now - self.begun >= LONG:
            why = f"it waits for {waits_for}" if waits_for else "the disk or the computer is slow"
            cause = f"the current one has taken {now - self.begun:.1f} s so far, and {waiting} wait behind it: {why}"
            return Trouble(self.what, cause, time.time() - (now - self.begun))
        if self._slow_until is not None and now - self._slow_until <= _SHOWN:
            cause = f"{self._slow} took more than {LONG:g} s, the longest {self._longest:.1f} s"
            return Trouble(self.what, cause, time.time() - (now - self._slow_since))
        return None
