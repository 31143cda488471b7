"""The sweeper: particles that nobody reaches for leave memory."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...errors import HyperverseError
from .active import Active

if TYPE_CHECKING:
    from ..machine import Machine
    from .hosting import Hosting

__all__ = ["IdleSweeper"]

_log = logging.getLogger("hyperverse.hosting")
_GRACE = 5.0
_CHUNK = 500
_DRAIN = 0.5
"""Part of the stop deadline that those who are busy have."""
_GLANCE = 0.02


class IdleSweeper:
    """Looks for idle particles now and then.

    A wave only marks its particle as touched; the time is taken here, once for each look.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.get_running_loop().create_task(self._sweep(), name="sweep idle particles")

    async def _sweep(self) -> None:
        shortest = min((h.idle_after for h in self.machine.hosted.values()), default=60.0)
        while True:
            await asyncio.sleep(min(max(shortest / 4, 0.02), 30.0))
            for star in self.machine.stars.values():
                try:
                    await self._look(star.hosting)
                except HyperverseError as exc:
                    _log.warning("idle particles of %s could not be released: %s", star.text, exc)
                except Exception:
                    _log.exception("idle particles of %s could not be released; please report it", star.text)

    async def _look(self, hosting: Hosting) -> None:
        now = hosting.star.loop.time()
        idle = []
        for number, live in enumerate(list(hosting.live.values())):
            if live.touched:
                live.touched = False
                live.quiet_since = now
            elif not live.pinned and live.idle and now - live.quiet_since >= live.hosted.idle_after:
                idle.append(live)
            if number % 5000 == 4999:
                await asyncio.sleep(0)  # others want the loop too
        await self._send_off(hosting, idle)

    async def _send_off(self, hosting: Hosting, leaving: list[Active]) -> None:
        for start in range(0, len(leaving), _CHUNK):
            await hosting.passivate(leaving[start : start + _CHUNK], _GRACE)

    async def empty(self) -> None:
        """Every particle leaves: the machine stops. Those that are busy get a moment to finish."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.machine.config.stop_deadline * _DRAIN
        while await self._empty_once():
            if loop.time() >= until:
                break
            await asyncio.sleep(_GLANCE)
        for star in self.machine.stars.values():
            for live in [live for live in star.hosting.live.values() if live.assignment is not None]:
                _log.warning("%s is still busy and is cut off", live.text, extra={"point": live.text})
                star.hosting.lost(live)

    async def _empty_once(self) -> int:
        """Sends off all that are not busy; how many still are."""
        busy = 0
        for star in self.machine.stars.values():
            hosting = star.hosting
            there = [live for live in hosting.live.values() if live.assignment is not None]
            try:
                await self._send_off(hosting, [live for live in there if live.quiet])
            except HyperverseError as exc:
                _log.warning("particles of %s could not be released: %s", star.text, exc)
            except Exception:
                _log.exception("particles of %s could not be released; please report it", star.text)
            busy += sum(live.assignment is not None for live in hosting.live.values())
        return busy

    async def close(self) -> None:
        """Ends the looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
