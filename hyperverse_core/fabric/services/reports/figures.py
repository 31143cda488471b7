"""Live figures of the machines, for people who watch them for some minutes: counts, failures and refusals.

While nobody watches, no machine counts, and a wave costs nothing extra. A machine that is asked counts for some minutes
from then on. Waves to the platform's own particles are not counted, because watching the figures is not load.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

from ....universe.address.star_key import StarKey
from ...cluster.directory import Directory
from ...delivery.outbound import Outbound
from ...delivery.star_requests import ask_star
from ...interception.interceptors import Interceptors
from ...particles.homes import Homes
from .meter import STEP, Meter, counted
from .wave_notes import SampledSenders, WaveNotes

__all__ = ["LiveFigures"]

_KEPT: Final = 300.0
"""Seconds for which a machine continues to count after it was asked."""
_ASKED: Final = 2.0
"""Seconds that another machine may take to answer."""


class LiveFigures:
    """Counts on this machine while somebody watches, and asks the other machines.

    Args:
        interceptors: the counter is attached to them only while somebody watches.
        outbound: sends from the star that represents this machine.
        directory: the other machines.
        homes: the particles of this machine.
        status: returns the state of this machine.
    """

    def __init__(
        self,
        interceptors: Interceptors,
        outbound: Outbound,
        directory: Directory,
        homes: Homes,
        status: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._interceptors = interceptors
        self._outbound = outbound
        self._directory = directory
        self._homes = homes
        self._status = status
        self._meter: Meter | None = None
        self._notes = WaveNotes()
        self._late = self._due = 0.0
        self._off: asyncio.TimerHandle | None = None
        self._step: asyncio.TimerHandle | None = None

    def here(self) -> dict[str, Any]:
        """Returns the counts of this machine since somebody began to watch, and its state. It continues to count for
        some minutes.

        ``loop`` has the processor time of the event loop in seconds (``cpu``), and by how many seconds the loop was
        late when the last step of the history began (``late``)."""
        meter = self._begin()
        status = self._status()
        kept = ("state", "stars", "lanes", "troubles", "waiting", "draining", "serves", "registry", "pid")
        return {
            **{key: status[key] for key in kept},
            "drivers": [row for row in status["drivers"] if row["state"] != "Ready"],
            "cpu": time.process_time(),
            "clock": monotonic(),
            "memory": _memory(),
            "loop": {"cpu": time.thread_time(), "late": self._late},
            **counted(meter),
        }

    def waves(self, *, wave: str = "", point: str = "", limit: int = 400) -> dict[str, Any]:
        """Returns this machine's notes of single waves since somebody began to watch; see ``WaveNotes.told``."""
        self._begin()
        return self._notes.told(wave=wave, point=point, limit=limit)

    def _begin(self) -> Meter:
        """Makes this machine count for some minutes from now on."""
        if self._off is not None:
            self._off.cancel()
        self._off = asyncio.get_running_loop().call_later(_KEPT, self._end)
        if self._meter is None:
            self._notes = WaveNotes()
            self._meter = Meter(self._homes, self._notes)
            self._interceptors.add(self._meter)
            self._interceptors.add(self._notes)
            self._interceptors.count(SampledSenders(self._notes), self._meter)
            self._step_later()
        return self._meter

    async def everywhere(self) -> dict[str, Any]:
        """Returns the result of :meth:`here` for each machine by its name (``machines``), and the machines that have
        not answered (``silent``, with the reason)."""
        names = sorted(self._directory.machines())
        stars = [StarKey("machine", name, 0) for name in names]
        asked = (ask_star(self._outbound, star, "Hyp<Status>", {}, wait=_ASKED) for star in stars)
        replies = await asyncio.gather(*asked)
        found = {name: reply.body for name, reply in zip(names, replies, strict=True) if reply.ok}
        silent = [
            {"machine": name, "why": reply.error} for name, reply in zip(names, replies, strict=True) if not reply.ok
        ]
        return {"machines": {self._directory.machine: self.here(), **found}, "silent": silent}

    def _step_later(self) -> None:
        self._due = monotonic() + STEP
        self._step = asyncio.get_running_loop().call_later(STEP, self._next_step)

    def _next_step(self) -> None:
        if self._meter is not None:
            self._late = max(0.0, monotonic() - self._due)
            self._meter.step()
            self._step_later()

    def _end(self) -> None:
        self._off = None
        if self._step is not None:
            self._step.cancel()
            self._step = None
        if self._meter is not None:
            self._interceptors.remove(self._meter)
            self._interceptors.remove(self._notes)
            self._interceptors.count(None, None)
            self._meter = None

    async def close(self) -> None:
        """Stops counting."""
        if self._off is not None:
            self._off.cancel()
        self._end()


def _memory() -> int:
    """Returns the memory of the process in bytes; 0 if the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0
