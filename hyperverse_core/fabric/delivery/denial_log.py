"""Logs refusals so that one agent cannot crowd everything else out of the log."""

from __future__ import annotations

import asyncio

import attrs

from ...scheduling.guarded_log import guarded_log
from ...universe.address.point import Point

__all__ = ["DenialLog"]

_log = guarded_log("hyperverse.security")
_SECONDS = 1.0
_LINES = 20
"""Greatest number of lines for one agent in a second. Otherwise a Ripple to thousands of particles would write a line
for each."""
_AGENTS = 1000


@attrs.define(eq=False)
class _Written:
    """The count of log lines about one agent in the second that began at ``since``."""

    since: float
    lines: int = 0
    folded: int = 0


class DenialLog:
    """Logs refusals. The first refusals of an agent in each second get a line each; the others are summed up in one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._written: dict[str, _Written] = {}

    def write(self, agent: Point, action: str, target: Point, why: object, wave: str) -> None:
        """Logs that ``agent`` may not do ``action`` to ``target``."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        now, written = loop.time(), self._written.get(agent.text)
        if written is None or now - written.since >= _SECONDS:
            if len(self._written) >= _AGENTS:
                self._forget(now)
            written = self._written[agent.text] = _Written(now)
        if written.lines < _LINES:
            written.lines += 1
            _log.info("denied: %s %s %s: %s", agent, action, target, why, extra={"wave": wave})
            return
        written.folded += 1
        if written.folded == 1:
            loop.call_at(written.since + _SECONDS, self._fold, agent, written)

    @staticmethod
    def _fold(agent: Point, written: _Written) -> None:
        _log.info("denied: %s, %d more within %g s", agent, written.folded, _SECONDS)

    def _forget(self, now: float) -> None:
        for agent, written in list(self._written.items()):
            if now - written.since >= _SECONDS:
                del self._written[agent]
        if len(self._written) >= _AGENTS:
            self._written.clear()
