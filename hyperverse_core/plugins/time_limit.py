"""A time limit for loading one plugin. A plugin that hangs on import is reported by name, and loading continues without
it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from types import FrameType
from typing import Any, TypeVar

from ..errors import PluginError
from ..scheduling.guarded_log import guarded_log

__all__ = ["within"]

T = TypeVar("T")
_log = guarded_log("hyperverse.plugins")
_FIRST_WORD = 5.0
"""Seconds after which the log names the plugin for which the program waits."""
_AGAIN = 0.5
"""Seconds after which a plugin that has swallowed the interruption is interrupted again."""
_VEHICLE = signal.SIGURG
"""A signal that interrupts blocking calls, is ignored by default, and is not handled by any event loop."""


class _TooLong(BaseException):
    """An exception that passes through a plugin that catches every Exception."""


def within(plugin: str, seconds: float, work: Callable[[], T]) -> T:
    """Returns the result of ``work``. Only the main thread can be interrupted while it waits for something. Called in
    any other thread, it runs the work in a separate thread, which is abandoned if it takes too long.

    Args:
        plugin: name of the plugin.
        seconds: seconds that it may take.
        work: loads the plugin.

    Raises:
        PluginError: loading took longer.
    """
    if threading.current_thread() is threading.main_thread():
        return _interrupted(plugin, seconds, work)
    return _left_behind(plugin, seconds, work)


def _interrupted(plugin: str, seconds: float, work: Callable[[], T]) -> T:
    ident = threading.get_ident()
    done = threading.Event()
    late: list[str] = []

    def watch() -> None:
        where = _waited(plugin, seconds, done, ident)
        if where:
            late.append(where)
        while late and not done.is_set():
            signal.pthread_kill(ident, _VEHICLE)
            done.wait(_AGAIN)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if late and not done.is_set():
            raise _TooLong

    before = signal.signal(_VEHICLE, interrupt)
    watcher = threading.Thread(target=watch, name=f"waits for plugin {plugin}", daemon=True)
    watcher.start()
    try:
        return work()
    except _TooLong:
        raise _too_long(seconds, late[0]) from None
    finally:
        done.set()
        watcher.join()
        signal.signal(_VEHICLE, before)


def _left_behind(plugin: str, seconds: float, work: Callable[[], T]) -> T:
    done = threading.Event()
    ended: list[Callable[[], T]] = []

    def run() -> None:
        try:
            found = work()
        except BaseException as exc:
            error = exc  # `exc` no longer exists when the error is raised
            ended.append(lambda: _raise(error))
        else:
            ended.append(lambda: found)
        finally:
            done.set()

    worker = threading.Thread(target=copy_context().run, args=(run,), name=f"loads plugin {plugin}", daemon=True)
    worker.start()
    where = _waited(plugin, seconds, done, worker.ident or 0)
    if where:
        import ctypes  # rarely needed

        # This ends a thread that computes. A thread that waits forever costs only its stack.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(_TooLong))
        raise _too_long(seconds, where)
    return ended[0]()


def _raise(error: BaseException) -> Any:
    raise error


def _waited(plugin: str, seconds: float, done: threading.Event, ident: int) -> str:
    """Waits until it is done, for at most that many seconds. Returns the place where the thread then is; empty if it is
    done."""
    if done.wait(min(_FIRST_WORD, seconds)):
        return ""
    _log.warning("plugin %r is still loading, %s", plugin, _where(ident))
    return "" if done.wait(max(0.0, seconds - _FIRST_WORD)) else _where(ident)


def _too_long(seconds: float, where: str) -> PluginError:
    return PluginError(
        f"it has not loaded after {seconds:g} s, {where}",
        hint="move code that waits into `hyperverse_machine_started` or the `start` of a driver, "
        "or allow more time with [plugins] load_seconds",
    )


def _where(thread: int) -> str:
    """Returns where a thread is: the innermost line that is not part of the import system."""
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen"):
        frame = frame.f_back
    if frame is None:
        return "at an unknown place"
    return f"in {frame.f_code.co_filename}, line {frame.f_lineno}"
