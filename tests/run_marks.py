"""The mark that every process of a test run carries in its environment, and the end of those that carry it.

A run inside a run adds a mark of its own, so a process may carry several.

Only Linux shows the environment of other processes; elsewhere nothing is found.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

__all__ = ["MARK", "end_marked", "marked", "with_mark"]

MARK: Final = "TEST_RUN_MARK"
"""The variable. Its name begins with nothing that a test takes out of the environment of its programs."""


def with_mark(mark: str) -> str:
    """The variable for a process that carries a mark besides those that this one carries."""
    return ":".join(filter(None, (os.environ.get(MARK), mark)))


def marked(mark: str) -> dict[int, str]:
    """Processes that carry the mark, but not this one: their ids and command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            if int(folder.name) != os.getpid() and mark in _marks((folder / "environ").read_bytes()):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                found[int(folder.name)] = b" ".join(words).decode("utf-8", "replace")
    return found


def _marks(environment: bytes) -> list[str]:
    """Those in an environment as Linux shows it."""
    name = f"{MARK}=".encode()
    for variable in environment.split(b"\0"):
        if variable.startswith(name):
            return variable.removeprefix(name).decode("ascii", "replace").split(":")
    return []


def end_marked(mark: str) -> dict[int, str]:
    """Kills the processes that carry the mark, and those that they start meanwhile. Returns all of them."""
    ended: dict[int, str] = {}
    while left := {pid: command for pid, command in marked(mark).items() if pid not in ended}:
        ended |= left
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return ended
