"""Tells who blocks the event loop: a handler that computes for long, or waits without ``await``, holds up all waves."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Final

from ..particles.active import Active

__all__ = ["BlockedLoop"]

_log = logging.getLogger("hyperverse.machine")
_LONG: Final = 0.25
"""Seconds after which it is told."""
_BEAT: Final = 0.05
_OURS: Final = str(Path(__file__).parents[2])
_HANDLE: Final = Active.handle.__code__


class BlockedLoop:
    """A thread that looks whether the event loop still turns, and at the stack of its thread when it does not."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._beaten = time.monotonic()
        self._over = threading.Event()
        self._timer = self._loop.call_soon(self._beat)
        self._thread = threading.Thread(target=self._look, name="blocked loop", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Looks no more."""
        self._over.set()
        self._timer.cancel()

    def _beat(self) -> None:
        self._beaten = time.monotonic()
        self._timer = self._loop.call_later(_BEAT, self._beat)

    def _look(self) -> None:
        told = 0.0
        while not self._over.wait(_BEAT):
            beaten = self._beaten
            if time.monotonic() - beaten < _LONG + _BEAT or told == beaten:
                continue
            told = beaten
            frame = sys._current_frames().get(self._watched)
            if frame is not None:
                _log.warning("the event loop is blocked for more than %g s by %s", _LONG, _who(frame))


def _who(frame: FrameType | None) -> str:
    """The handler on a stack, and the line of whoever is not the platform."""
    line, handler = "", ""
    while frame is not None:
        path = frame.f_code.co_filename
        if not line and not path.startswith((_OURS, sys.base_prefix, "<")):
            line = f"{path}:{frame.f_lineno} ({frame.f_code.co_qualname})"
        if frame.f_code is _HANDLE:
            active, method = frame.f_locals.get("self"), frame.f_locals.get("wave")
            if isinstance(active, Active) and method is not None:
                name = frame.f_locals["handler"].name
                handler = f"{active.text} {method.method} ({name}, plugin {active.served.plugin or 'none'})"
                break
        frame = frame.f_back
    return " at ".join(part for part in (handler, line) if part) or "the platform itself; please report it"
