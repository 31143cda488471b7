"""Reports code that blocks the event loop: a handler that computes for long or waits without ``await`` delays all
waves."""

from __future__ import annotations

import asyncio
import site
import sys
import sysconfig
import threading
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

from ....scheduling.guarded_log import guarded_log
from ...particles.active import Active
from ...particles.background import BackgroundTasks

__all__ = ["BlockedLoop"]

_log = guarded_log("hyperverse.machine")
_LONG: Final = 0.25
"""Seconds after which a blocked loop is reported."""
_BEAT: Final = 0.05
_OURS: Final = str(Path(__file__).parents[3])
_PARTICLES: Final = str(Path(__file__).parents[2] / "particles")
_STANDARD: Final = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_INSTALLED: Final = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")} | {*site.getsitepackages()})
"""Inside the directory of the standard library, if there is no virtual environment."""
_HANDLE: Final = Active.handle.__code__
_WORK: Final = BackgroundTasks.run.__code__
_LIFE: Final = {"_make": "the making", "_start": "on_start", "_on_stop": "on_stop"}
"""Functions that call the code of a driver's class when a particle starts or stops."""


class BlockedLoop:
    """A thread that checks whether the event loop still runs, and inspects the stack of the loop's thread if it does
    not."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._beaten = time.monotonic()
        self._over = threading.Event()
        self._base: CodeType | None = None
        self._timer = self._loop.call_soon(self._beat)
        self._thread = threading.Thread(target=self._look, name="blocked loop", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops the checks."""
        self._over.set()
        self._timer.cancel()

    def _beat(self) -> None:
        self._beaten = time.monotonic()
        if self._base is None:  # a frame of asyncio, or the caller of a loop that is written in C
            self._base = sys._getframe(1).f_code
        self._timer = self._loop.call_later(_BEAT, self._beat)

    def _look(self) -> None:
        told = 0.0
        while not self._over.wait(_BEAT):
            beaten = self._beaten
            if time.monotonic() - beaten < _LONG + _BEAT or told == beaten:
                continue
            told = beaten
            frame = sys._current_frames().get(self._watched)
            who = _who(frame, self._base)
            if who:
                _log.warning("the event loop is blocked for more than %g s by %s", _LONG, who)


def _who(frame: FrameType | None, base: CodeType | None) -> str:
    """Returns the act of a stack and its particle, and the line outside the platform's code. The result is empty if the
    loop waits for work, because then the whole process was suspended for a while.

    Args:
        frame: the innermost frame.
        base: the code that calls the work of the loop. The frames below it started the loop, and are not its work.
    """
    line, what, innermost = "", "", frame
    while frame is not None and frame.f_code is not base:
        path = frame.f_code.co_filename
        standard = path.startswith((*_STANDARD, "<")) and not path.startswith(_INSTALLED)
        if not line and not standard and not path.startswith(_OURS):
            line = f"{path}:{frame.f_lineno} ({frame.f_code.co_qualname})"
        what = what or _what(frame)
        frame = frame.f_back
    if frame is None or frame is innermost:
        return ""
    return " at ".join(part for part in (what, line) if part) or "the platform itself; please report it"


def _what(frame: FrameType) -> str:
    """Returns what a frame does for a particle; empty if it does nothing for one."""
    code, found = frame.f_code, frame.f_locals
    if code is _HANDLE:
        active, wave = found.get("self"), found.get("wave")
        if isinstance(active, Active) and wave is not None:
            return f"{active.text} {wave.method} ({found['handler'].name}, {_plugin(active)})"
    if code is _WORK and "name" in found:
        return f"background task of {found['self'].text} ({found['name']}), started by {found['wave'].method}"
    if code.co_name in _LIFE and code.co_filename.startswith(_PARTICLES):
        active = found.get("active")
        if isinstance(active, Active):
            return f"{_LIFE[code.co_name]} of {active.text} ({_plugin(active)})"
    return ""


def _plugin(active: Active) -> str:
    return f"plugin {active.served.plugin or 'none'}"
