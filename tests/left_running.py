"""Ends what a test run has left running, whatever has become of the tests that started it.

A machine outlives the process that started it. A test ends its machines itself; one that is cut off by its time limit,
or by the end of its process, cannot. So every process of a run carries a mark in its environment, which its children
inherit, and the process that has set the mark ends all others that carry it when the run is over.

It is a plugin of pytest: ``-p left_running``. Only Linux shows the environment of other processes; elsewhere nothing
is found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Final

import pytest

__all__ = ["MARK", "end_marked", "marked"]

MARK: Final = "TEST_RUN_MARK"
"""The variable. Its name begins with nothing that a test takes out of the environment of its programs."""
_OWNED: Final = pytest.StashKey[str]()


def marked(mark: str) -> dict[int, str]:
    """Processes that carry the mark, but not this one: their ids and command lines."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            if int(folder.name) != os.getpid() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
    return found


def end_marked(mark: str) -> dict[int, str]:
    """Kills the processes that carry the mark, and those that they start meanwhile. Returns all of them."""
    ended: dict[int, str] = {}
    while left := {pid: command for pid, command in marked(mark).items() if pid not in ended}:
        ended |= left
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return ended


def pytest_configure(config: pytest.Config) -> None:
    """Sets the mark, unless this is a part of a run that has one."""
    if MARK not in os.environ:
        config.stash[_OWNED] = os.environ[MARK] = uuid.uuid4().hex


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends what is left, when all workers have ended."""
    mark = config.stash.get(_OWNED, None)
    if mark is None:
        return
    for pid, command in end_marked(mark).items():
        print(f"left running by the tests, and killed: {pid} {command}", file=sys.stderr)
    del os.environ[MARK]
