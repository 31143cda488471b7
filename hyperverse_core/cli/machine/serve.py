"""Runs a machine in this process until it is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from ...config import Config
from ...fabric.machine import Machine
from ...fabric.services.reports.blocked_loop import BlockedLoop
from ..terminal.failures import INTERRUPTED
from ..terminal.output import note
from .last_resort import LastResort
from .memory import settle_memory

__all__ = ["loop_factory", "serve"]

_log = logging.getLogger("hyperverse.machine")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(config: Config, ready: Callable[[Mapping[str, Any]], None]) -> int:
    """Runs a machine until it stops. The first SIGTERM or SIGINT stops it gracefully, the second ends the process.
    SIGHUP, which a terminal sends when it closes, has the same effect, unless it is ignored, as under nohup.

    Args:
        config: configuration of the machine.
        ready: called when the machine is ready, with its status and with ``invitations``: the addresses at which its
            owner can connect once, by the name of the gateway.

    Returns:
        The exit code.
    """
    os.register_at_fork(after_in_child=_forget_signals)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        loop = runner.get_loop()
        task = loop.create_task(_run(config, ready), name="the machine")
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt):
                if task.done():
                    raise
                # raised by a task that a plugin started without the platform: asyncio ends the loop because of it
                _log.exception("a task of a plugin tried to end the process; the machine continues")


def _forget_signals() -> None:
    """Restores the default signal handling in a child that a plugin has forked: its signals are not for the machine."""
    with contextlib.suppress(ValueError):  # forked by a thread
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            if isinstance(getattr(signal.getsignal(number), "__self__", None), _Stop):
                signal.signal(number, signal.SIG_DFL)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Returns the factory of uvloop event loops; None, for those of asyncio, when uvloop is not installed."""
    try:
        import uvloop
    except ImportError:  # an optional dependency
        return None
    return uvloop.new_event_loop


async def _run(config: Config, ready: Callable[[Mapping[str, Any]], None]) -> int:
    stop = _Stop(asyncio.current_task(), LastResort(config.stop_deadline))
    stop.listen()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # output of plugins at import is not a result
            made = Machine(config)
        async with made as machine:
            stop.serving(machine)
            watch = BlockedLoop()
            settle_memory()
            ready({**machine.status(), "invitations": machine.parts.gateways.invitations()})
            await machine.wait_stopped()
            stop.last_resort.arm()
            watch.close()
    except asyncio.CancelledError:
        if stop.count == 0:
            raise
        return INTERRUPTED  # a signal came before the machine was ready
    return 0


class _Stop:
    """Reacts to signals: cancels the start, stops the machine, or ends the process."""

    def __init__(self, task: asyncio.Task[Any] | None, last_resort: LastResort) -> None:
        self.count = 0
        self.last_resort = last_resort
        self._starting = task
        self._machine: Machine | None = None

    def listen(self) -> None:
        """Handles the signals from now on."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            loop.add_signal_handler(number, self._signalled, number)
            signal.signal(number, self._at_once)  # as well: the loop's own handler cannot run while the loop is blocked

    def serving(self, machine: Machine) -> None:
        """The machine has started."""
        self._machine = machine

    def _at_once(self, number: int, frame: FrameType | None) -> None:
        """Runs in the main thread, between any two of its instructions."""
        self.last_resort.arm()

    def _signalled(self, number: int) -> None:
        if number == signal.SIGHUP:
            _let_go_of_terminal()
            if self.count:
                return  # both the shell and the terminal send it
        self.count += 1
        if self.count > 1:
            note("Force quit.")
            os._exit(128 + number)
        if self._machine is not None:
            self._machine.request_stop()
            with contextlib.suppress(OSError, ValueError):  # a terminal that has closed cannot be written to
                note("Stopping... press Ctrl-C again to force quit")
        elif self._starting is not None:
            self._starting.cancel()


def _let_go_of_terminal() -> None:
    """Discards further output if it would go to a terminal that has closed, because printing would fail."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed already, or none
            number = stream.fileno()
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
