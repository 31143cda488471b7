"""How long tests wait, in one place.

A test waits for what has to happen and goes on as soon as it has. Its limit counts only when the test fails, so the
limit is far above what an idle computer needs: the suite has to pass on one whose processor is overbooked four times.

A promise in seconds ("a dead machine is noticed within 2 s") holds for a computer that has time for us. `budget` gives
such a promise as many seconds as the computer of this moment needs for it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["LEASE", "PATIENCE", "START", "SUITE", "budget", "until", "until_sync"]

PATIENCE: Final = 60.0
"""Seconds for one thing that must happen: a line of output, a frame, an answer, the end of a process."""
START: Final = 120.0
"""Seconds for the start of processes: Python has to be started and everything imported."""
SUITE: Final = 240.0
"""Seconds for a whole suite of tests that a test starts. Less than the limit of a test, so that it can tell of it."""
LEASE: Final = 20.0
"""Seconds of a star's lease in tests that are not about leases: no star of theirs dies because it had to wait."""
_PAUSE: Final = 0.01


def budget(seconds: float) -> float:
    """Seconds that something may take now which takes at most ``seconds`` when a core is free for it."""
    return seconds * max(1.0, _processes_for_each_core())


def _processes_for_each_core() -> float:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        running = float(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except OSError:  # only Linux says how many want to run at this moment
        running = 0.0
    return max(os.getloadavg()[0], running) / cores


async def until(condition: Callable[[], object], what: str, *, within: float = PATIENCE) -> None:
    """Waits until ``condition()`` is true, for what nothing tells of."""
    end = time.monotonic() + within
    while not condition():  # nothing tells of it
        assert time.monotonic() < end, f"waited {within:g} s for {what}"
        await asyncio.sleep(_PAUSE)


def until_sync(condition: Callable[[], object], what: str, *, within: float = PATIENCE) -> None:
    """The same without an event loop."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"waited {within:g} s for {what}"
        time.sleep(_PAUSE)
