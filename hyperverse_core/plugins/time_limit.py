"""A limit of time for loading one plugin: what hangs on import is told by name, and the rest goes on without it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import PluginError

__all__ = ["time_limit"]

_log = logging.getLogger("hyperverse.plugins")
_FIRST_WORD = 5.0
"""Seconds after which the log says which plugin the program waits for."""
_AGAIN = 0.5
"""Seconds after which a plugin that has swallowed the interruption is interrupted again."""
_VEHICLE = signal.SIGURG
"""A signal that interrupts what blocks, is ignored by default, and that no event loop listens to."""


class _TooLong(BaseException):
    """Goes through a plugin that catches every Exception."""


@contextmanager
def time_limit(plugin: str, seconds: float) -> Iterator[None]:
    """Bounds the time of what is done inside. Only the main thread can be interrupted; in another one, the log says
    which plugin it waits for.

    Args:
        plugin: its name.
        seconds: how long it may take.

    Raises:
        PluginError: it has taken longer.
    """
    thread = threading.current_thread()
    in_main = thread is threading.main_thread()
    done = threading.Event()
    late: list[str] = []

    def watch() -> None:
        if done.wait(min(_FIRST_WORD, seconds)):
            return
        _log.warning("plugin %r is still loading, %s", plugin, _where(thread.ident))
        if done.wait(max(0.0, seconds - _FIRST_WORD)):
            return
        late.append(_where(thread.ident))
        while in_main and not done.is_set() and thread.ident is not None:
            signal.pthread_kill(thread.ident, _VEHICLE)
            done.wait(_AGAIN)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if late and not done.is_set():
            raise _TooLong

    before = signal.signal(_VEHICLE, interrupt) if in_main else None
    watcher = threading.Thread(target=watch, name=f"waits for plugin {plugin}", daemon=True)
    watcher.start()
    try:
        yield
    except _TooLong:
        raise PluginError(
            f"it has not loaded after {seconds:g} s, {late[0]}",
            hint="move what waits into `hyperverse_machine_started` or the `start` of a driver, "
            "or allow more with [plugins] load_seconds",
        ) from None
    finally:
        done.set()
        watcher.join()
        if in_main:
            signal.signal(_VEHICLE, before)


def _where(thread: int | None) -> str:
    """Where a thread is: the innermost line that is not of the import system."""
    frame = sys._current_frames().get(thread or 0)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen"):
        frame = frame.f_back
    if frame is None:
        return "nobody knows where"
    return f"in {frame.f_code.co_filename}, line {frame.f_lineno}"
