"""Looks: the figures of the machines at intervals, and the rates at which their counters grow in between."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs

from hyperverse_core.gateway import Session

from .questions import Questions

__all__ = ["Look", "Looks", "hosted"]

_SPAN: Final = 10.0
"""Seconds over which a rate is measured."""
_AGAIN: Final = 1.0
"""Seconds for which a look is reused, so that two pages of one browser ask the machines once."""


def hosted(star: Mapping[str, Any]) -> int:
    """The number of application particles that a star has in memory. Its own particle does not count, nor do the
    particles of a machine's own star, which hosts sessions and the platform's particles."""
    return 0 if star["kind"] == "Machine" else max(0, star["particles"] - 1)


@attrs.frozen
class Look:
    """The reports of the machines at one time.

    Attributes:
        at: the time, by ``time.monotonic``.
        machines: figures and state of each machine by name.
        silent: the machines that did not answer, with the reason.
        before: an earlier look; None for the first one.
    """

    at: float
    machines: dict[str, dict[str, Any]]
    silent: dict[str, str]
    before: Look | None = None

    def span(self, name: str) -> float:
        """Seconds over which the rates of a machine are measured."""
        now = self.machines[name]
        earlier = self._earlier(name)
        seconds: float = now["clock"] - earlier["clock"] if earlier else now["counted_for"]
        return max(0.1, seconds)

    def rate(self, name: str, key: str) -> float:
        """The growth of a machine's counter per second."""
        earlier = self._earlier(name)
        return float(self.machines[name][key] - (earlier[key] if earlier else 0)) / self.span(name)

    def pairs(self) -> dict[tuple[str, str], float]:
        """Waves per second from star to star."""
        rates: dict[tuple[str, str], float] = {}
        for name, machine in self.machines.items():
            earlier = self._earlier(name)
            known = {(a, b): count for a, b, count in earlier["pairs"]} if earlier else {}
            for origin, star, count in machine["pairs"]:
                grown = (count - known.get((origin, star), 0)) / self.span(name)
                rates[origin, star] = rates.get((origin, star), 0.0) + max(0.0, grown)
        return rates

    def carried(self, name: str, peer: str, key: str) -> float:
        """The growth per second of a counter of the lane from a machine to a peer: ``bytes_out``, ``bytes_in``,
        ``waves_out`` or ``waves_in``. It is 0 at the first look, when the rate is still unknown."""
        earlier = self._earlier(name)
        if earlier is None:
            return 0.0
        now, then = (
            next((float(row.get(key, 0)) for row in machine["lanes"] if row["machine"] == peer), 0.0)
            for machine in (self.machines[name], earlier)
        )
        return max(0.0, now - then) / self.span(name)

    def cpu(self, name: str) -> float | None:
        """The share of one core that a machine uses; None at the first look."""
        earlier = self._earlier(name)
        return None if earlier is None else max(0.0, self.machines[name]["cpu"] - earlier["cpu"]) / self.span(name)

    def _earlier(self, name: str) -> dict[str, Any] | None:
        """Returns the earlier report of the machine; None if its counts have since restarted from zero."""
        found = self.before.machines.get(name) if self.before else None
        now = self.machines[name]
        fits = found is not None and found["pid"] == now["pid"] and found["clock"] < now["clock"]
        return found if fits and found is not None and found["counted_for"] <= now["counted_for"] else None


class Looks:
    """The recent looks of each session."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Session, deque[Look]] = WeakKeyDictionary()

    async def look(self, asking: Questions) -> Look:
        """Asks the machines. Raises HyperverseError if the agent may not see the figures."""
        kept = self._kept.setdefault(asking.session, deque(maxlen=32))
        now = time.monotonic()
        if kept and now - kept[-1].at < _AGAIN:
            return kept[-1]
        found = await asking.machine("Ext<Figures>")
        now = time.monotonic()
        while len(kept) > 1 and now - kept[1].at >= _SPAN:
            kept.popleft()
        before = attrs.evolve(kept[0], before=None) if kept and now - kept[0].at < 4 * _SPAN else None
        silent = {row["machine"]: row["why"] for row in found["silent"]}
        look = Look(now, found["machines"], silent, before)
        kept.append(look)
        return look
