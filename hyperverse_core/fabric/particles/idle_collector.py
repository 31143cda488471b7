"""Deactivates idle particles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ...errors import HyperverseError
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from .active import Active
from .deactivation import has_to_stop
from .homes import Homes
from .hosting import Hosting
from .served import Served

__all__ = ["IdleCollector"]

_log = guarded_log("hyperverse.hosting")
_GRACE = 5.0
_CHUNK = 500
_DRAIN = 0.5
"""Share of the stop deadline within which busy particles must finish."""
_GLANCE = 0.02


class IdleCollector:
    """Looks for idle particles from time to time.

    A wave only marks its particle as touched; the time is read here, once in each round.

    Args:
        homes: the particles.
        served: the Kinds, with the time that their particles may be idle.
        stop_deadline: seconds in which the machine must stop.
    """

    def __init__(self, homes: Homes, served: Mapping[str, Served], stop_deadline: float) -> None:
        self._homes = homes
        self._served = served
        self._stop_deadline = stop_deadline
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.get_running_loop().create_task(self._collect(), name="collect idle particles")

    async def _collect(self) -> None:
        while True:
            shortest = min((served.shortest_idle for served in self._served.values()), default=60.0)
            await asyncio.sleep(min(max(shortest / 4, 0.02), 30.0))
            for hosting in self._homes.values():
                try:
                    await self._look(hosting)
                except HyperverseError as exc:
                    _log.warning("idle particles of %s could not be released: %s", hosting.star.text, exc)
                except BaseException as exc:
                    if ends_task(exc):
                        raise
                    _log.exception("idle particles of %s could not be released; please report it", hosting.star.text)

    async def _look(self, hosting: Hosting) -> None:
        now = hosting.star.loop.time()
        idle = []
        for number, active in enumerate(list(hosting.active.values())):
            if active.touched:
                active.touched = False
                active.quiet_since = now
            elif not active.pinned and active.idle and now - active.quiet_since >= active.served.idle_after:
                idle.append(active)
            if number % 5000 == 4999:
                await asyncio.sleep(0)  # give other tasks the loop
        await self._send_off(hosting, idle)

    async def _send_off(self, hosting: Hosting, leaving: list[Active]) -> None:
        for start in range(0, len(leaving), _CHUNK):
            await hosting.passivate(leaving[start : start + _CHUNK], _GRACE)

    async def empty(self) -> None:
        """Deactivates every particle, because the machine stops. Busy particles get some time to finish."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._stop_deadline * _DRAIN
        while await self._empty_once():
            if loop.time() >= until:
                break
            await asyncio.sleep(_GLANCE)
        for hosting in self._homes.values():
            for active in hosting.table.placed():
                _log.warning("%s is still busy and is cancelled", active.text, extra={"point": active.text})
                hosting.table.lose(active)

    async def _empty_once(self) -> int:
        """Deactivates all particles that are not busy, in all stars concurrently, so that a particle that stops slowly
        delays only its own star. Returns how many are still busy."""
        return sum(await asyncio.gather(*(self._empty_star(hosting) for hosting in self._homes.values())))

    async def _empty_star(self, hosting: Hosting) -> int:
        quiet = [active for active in hosting.table.placed() if active.quiet]
        try:
            await self._send_off(hosting, sorted(quiet, key=has_to_stop))  # the quick ones first
        except HyperverseError as exc:
            _log.warning("particles of %s could not be released: %s", hosting.star.text, exc)
        except BaseException as exc:
            if ends_task(exc):
                raise
            _log.exception("particles of %s could not be released; please report it", hosting.star.text)
        return len(hosting.table.placed())

    async def close(self) -> None:
        """Stops looking for idle particles."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
