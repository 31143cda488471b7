"""Leak checks: tasks of the event loop, threads and open sockets that a test leaves behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import attrs

__all__ = ["LeakCheck"]

_DESCRIPTORS = Path("/proc/self/fd")
_TURNS = 50
"""Turns of the event loop that something may take to end."""
_ROUNDS = 100
_PAUSE = 0.01
_EXECUTOR = "asyncio_"
"""Prefix of the names of threads in the loop's own executor, which stay until the loop is closed."""


def _tasks() -> frozenset[asyncio.Task[object]]:
    return frozenset(task for task in asyncio.all_tasks() if task is not asyncio.current_task())


def _threads() -> frozenset[threading.Thread]:
    return frozenset(thread for thread in threading.enumerate() if not thread.name.startswith(_EXECUTOR))


def _sockets() -> frozenset[str]:
    """The open sockets of this process, where the system shows them."""
    if not _DESCRIPTORS.is_dir():
        return frozenset()
    found = set()
    for descriptor in list(_DESCRIPTORS.iterdir()):
        try:
            target = str(descriptor.readlink())
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith("socket:"):
            found.add(target)
    return frozenset(found)


@attrs.frozen
class LeakCheck:
    """A snapshot of what exists; :meth:`leaks` returns what was added later and still exists.

    Attributes:
        tasks: tasks of the running event loop.
        threads: threads of the process.
        sockets: open sockets of the process; always empty where there is no ``/proc``.

    Example::

        check = LeakCheck.begin()
        await something()
        assert await check.leaks() == []
    """

    tasks: frozenset[asyncio.Task[object]]
    threads: frozenset[threading.Thread]
    sockets: frozenset[str]

    @classmethod
    def begin(cls) -> LeakCheck:
        """Takes the snapshot. Call it on the event loop."""
        return cls(_tasks(), _threads(), _sockets())

    async def leaks(self) -> list[str]:
        """Returns one line for each task, thread and socket that was added. Waits up to a second for them to end."""
        for _ in range(_TURNS):
            if not self._now():
                return []
            await asyncio.sleep(0)
        for _ in range(_ROUNDS):
            if not self._now():
                return []
            await asyncio.sleep(_PAUSE)
        return self._now()

    def _now(self) -> list[str]:
        return [
            *_lines("task", (f"{task.get_name()}: {task.get_coro()!r}" for task in _tasks() - self.tasks)),
            *_lines("thread", (thread.name for thread in _threads() - self.threads)),
            *_lines("socket", _sockets() - self.sockets),
        ]


def _lines(what: str, found: Iterable[str]) -> list[str]:
    return [f"{what} {name}" for name in sorted(found)]
