"""The last resort: ends the process when a machine does not end by itself.

A plugin may block the event loop, swallow every cancellation, or keep a thread busy that the interpreter waits for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading

__all__ = ["LastResort"]

_log = logging.getLogger("hyperverse.machine")
_MARGIN = 5.0
"""Seconds for what comes after the machine's own deadline: closing its parts, and leaving the interpreter."""
_EXIT_CODE = 1


class LastResort:
    """A thread that waits, and then ends the process.

    Args:
        seconds: the ``stop_deadline`` of the machine.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()

    def arm(self) -> None:
        """Starts the wait, because the machine was asked to stop. May be called twice, and from a signal handler."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._wait, name="last resort", daemon=True)
            self._thread.start()

    def _wait(self) -> None:
        threading.Event().wait(self._seconds + _MARGIN)
        _log.critical(
            "the machine has not stopped within %g s, so the process ends now; still running: %s",
            self._seconds + _MARGIN,
            "; ".join(self._left()) or "threads that do not end",
        )
        logging.shutdown()
        os._exit(_EXIT_CODE)

    def _left(self) -> list[str]:
        try:
            tasks = asyncio.all_tasks(self._loop)
        except RuntimeError:  # they change while they are counted
            return []
        return sorted({task.get_name() for task in tasks})
