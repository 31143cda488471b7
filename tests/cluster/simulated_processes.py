"""Processes of a simulation: each machine's callbacks, tasks and timers belong to its process, which can be stopped,
continued and killed as the kernel would do it, between two steps of any of its tasks."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVarTuple

from hyperverse_core.testing.clock import VirtualClockLoop

__all__ = ["OUTSIDE", "Process", "ProcessLoop", "current_process"]

_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
_Ts = TypeVarTuple("_Ts")
_SHARED = "hyperverse_core.scheduling.deadlines"
OUTSIDE = Context()
"""Where the network and the database run: in no process of the simulation."""


def current_process() -> Process | None:
    """The process whose code runs now."""
    return _PROCESS.get()


class _Step:
    """One callback of a process, which may have been cancelled while the process stood still."""

    __slots__ = ("args", "callback", "context", "handle")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.handle: asyncio.Handle | None = None


class Process:
    """A process of the simulation.

    Attributes:
        name: for messages.
        running: whether it is neither stopped nor killed.
    """

    def __init__(self, loop: ProcessLoop, name: str) -> None:
        self.name = name
        self.running = True
        self.dead = False
        self.context = Context()
        self.context.run(_PROCESS.set, self)
        self._loop = loop
        self._held: deque[_Step] = deque()

    def start(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """A task of this process."""
        return self._loop.create_task(work, name=name or None, context=self.context.copy())

    def call(self, callback: Callable[..., object], *args: object) -> None:
        """Has the process call something soon."""
        self._loop.call_soon(callback, *args, context=self.context.copy())

    def stop(self) -> None:
        """SIGSTOP."""
        self.running = False

    def go_on(self) -> None:
        """SIGCONT: everything that has become due goes on, in order."""
        if not self.dead:
            self._release()

    def _release(self) -> None:
        self.running = True
        held, self._held = self._held, deque()
        for step in held:
            if step.handle is None or not step.handle.cancelled():
                self._loop.call_soon(step.callback, *step.args, context=step.context)

    def kill(self) -> None:
        """SIGKILL: nothing of it ever runs again, until the end of the simulation."""
        self.running, self.dead = False, True

    def bury(self) -> None:
        """The simulation is over: its tasks may be cancelled."""
        self._release()

    def run(self, step: _Step) -> None:
        """Runs a callback, or keeps it for later."""
        if self.running:
            step.callback(*step.args)
        else:
            self._held.append(step)


class ProcessLoop(VirtualClockLoop):
    """An event loop with virtual time in which several processes live."""

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        context = contextvars.copy_context() if context is None else context
        process = context.get(_PROCESS)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        step = _Step(callback, args, context)
        step.handle = super().call_soon(process.run, step, context=context)
        return step.handle

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if type(getattr(callback, "__self__", None)).__module__ == _SHARED:
            context = OUTSIDE.copy()  # deadlines of one loop share timers; what they do goes on in each one's context
        context = contextvars.copy_context() if context is None else context
        process = context.get(_PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        step = _Step(callback, args, context)
        handle = super().call_at(when, process.run, step, context=context)
        step.handle = handle
        return handle
