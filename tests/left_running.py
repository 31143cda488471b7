"""Ends what a test run has left running, whatever has become of the tests that started it.

A machine outlives the process that started it. A test ends its machines itself; one that is cut off by its time limit,
or by the end of its process, cannot. So every process of a run carries a mark in its environment, which its children
inherit, and the process that has set the mark ends all others that carry it when the run is over.

It is a plugin of pytest: ``-p left_running``.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Final

import pytest

from run_marks import MARK, end_marked

_OWNED: Final = pytest.StashKey[str]()


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
