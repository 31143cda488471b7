"""Ends what a test run has left running, whatever has become of the tests that started it.

A machine outlives the process that started it. A test ends its machines itself; one that is cut off by its time limit,
or by the end of its process, cannot. So every process of a run carries a mark in its environment, which its children
inherit, and the process that has added the mark ends all others that carry it when the run is over.

It is a plugin of pytest: ``-p left_running``.
"""

from __future__ import annotations

import os
import signal
import sys
import uuid
from types import FrameType
from typing import Final

import pytest

from run_marks import MARK, end_marked, with_mark

_MARK: Final = pytest.StashKey[tuple[str, str | None]]()
"""The mark of this run, and what the variable was before."""


def pytest_configure(config: pytest.Config) -> None:
    """Adds a mark to the environment of the run; its workers have it from there."""
    if not hasattr(config, "workerinput"):
        mark = uuid.uuid4().hex
        config.stash[_MARK] = mark, os.environ.get(MARK)
        os.environ[MARK] = with_mark(mark)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _end_in_order)


def _end_in_order(number: int, frame: FrameType | None) -> None:
    """A run that is asked to end, by ``timeout`` or by CI, ends its machines as any other run does."""
    pytest.exit("asked to end by SIGTERM", 128 + number)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends what is left, when all workers have ended."""
    if _MARK not in config.stash:
        return
    mark, before = config.stash[_MARK]
    for pid, command in end_marked(mark).items():
        print(f"left running by the tests, and killed: {pid} {command}", file=sys.stderr)
    if before is None:
        del os.environ[MARK]
    else:
        os.environ[MARK] = before
