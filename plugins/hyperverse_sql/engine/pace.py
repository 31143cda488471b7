"""How long the units of one connection take, for the status of a machine: a database that is locked or slow."""

from __future__ import annotations

import time
from typing import Final

import attrs

from hyperverse_core.registry import Trouble

__all__ = ["LONG", "Pace"]

LONG: Final = 1.0
"""Seconds from which on a unit is slow."""
_SHOWN: Final = 60.0
"""Seconds that a slow unit is shown after its end. Those that follow within them are shown as one trouble."""


@attrs.define(eq=False)
class Pace:
    """The units of one connection, one after another. Its attributes are set by whoever runs them, which saves a call.

    Attributes:
        what: what they are, for the status.
        begun: when the unit under way has begun, by the monotonic clock; None when none is.
    """

    what: str
    begun: float | None = None
    _slow_since: float = 0.0
    _slow_until: float | None = None
    _slow: int = 0
    _longest: float = 0.0

    def note(self, begun: float, now: float) -> None:
        """A unit took :data:`LONG` or more."""
        if self._slow_until is None or begun - self._slow_until > _SHOWN:
            self._slow_since, self._slow, self._longest = begun, 0, 0.0
        self._slow_until = now
        self._slow += 1
        self._longest = max(self._longest, now - begun)

    def trouble(self, waits_for: str, waiting: int) -> Trouble | None:
        """What is slow; None when nothing is.

        Args:
            waits_for: what the unit under way waits for; empty when it is at work.
            waiting: how many units wait behind it.
        """
        now = time.monotonic()
        if self.begun is not None and now - self.begun >= LONG:
            why = f"it waits for {waits_for}" if waits_for else "the disk or the computer is slow"
            cause = f"one has taken {now - self.begun:.1f} s so far, and {waiting} wait behind it: {why}"
            return Trouble(self.what, cause, time.time() - (now - self.begun))
        if self._slow_until is not None and now - self._slow_until <= _SHOWN:
            cause = f"{self._slow} took more than {LONG:g} s, the longest {self._longest:.1f} s"
            return Trouble(self.what, cause, time.time() - (now - self._slow_since))
        return None
