"""AuditFold: merges repeated lines, and lines beyond an agent's limit, into one line that counts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

__all__ = ["AuditFold"]

_LINES: Final = 20
"""Greatest number of lines of one agent per period. Further lines are counted."""
_PERIOD: Final = 60.0
_AGENTS: Final = 10_000
"""Number of agents that are distinguished; all others share one limit."""
_OTHERS: Final = "(others)"
Thing: TypeAlias = tuple[str, str]


@attrs.define(eq=False)
class _Share:
    """The lines of one agent in the current period.

    Attributes:
        lines: number of lines that were written.
        seen: the things that already have a line.
        folded: number of lines of each event that were only counted.
        timer: ends the period.
    """

    lines: int = 0
    seen: set[Thing] = attrs.field(factory=set)
    folded: dict[str, int] = attrs.field(factory=dict)
    timer: asyncio.TimerHandle | None = None


class AuditFold:
    """Decides what gets its own line. In a minute, an agent gets a line for the first occurrence of each thing, and at
    most 20 lines. At the end of the minute, one line says how many others there were.

    Args:
        put: writes a line.
    """

    def __init__(self, put: Callable[[Mapping[str, Any]], object]) -> None:
        self._put = put
        self._shares: dict[str, _Share] = {}

    def admits(self, event: str, agent: str, thing: Thing) -> bool:
        """Returns whether to write a line about ``thing``, which ``agent`` has caused. Otherwise it is counted."""
        share = self._shares.get(agent)
        if share is None:
            if len(self._shares) >= _AGENTS:
                agent = _OTHERS
            share = self._shares.get(agent) or self._begin(agent)
        if share.lines < _LINES and thing not in share.seen:
            share.lines += 1
            share.seen.add(thing)
            return True
        share.folded[event] = share.folded.get(event, 0) + 1
        return False

    def _begin(self, agent: str) -> _Share:
        share = self._shares[agent] = _Share()
        share.timer = asyncio.get_running_loop().call_later(_PERIOD, self._end, agent)
        return share

    def flush(self) -> None:
        """Writes the counts so far."""
        for agent in list(self._shares):
            self._end(agent)

    def _end(self, agent: str) -> None:
        share = self._shares.pop(agent, None)
        if share is None:
            return
        if share.timer is not None:
            share.timer.cancel()
        for event, count in share.folded.items():
            self._put({"event": "folded", "agent": agent, "of": event, "count": count, "seconds": _PERIOD})
