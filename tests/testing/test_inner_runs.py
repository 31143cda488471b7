"""Runs of pytest that tests start delete nothing of other runs, and say where they hang."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.reader import Reader
from inner_runs import run_pytest
from plugins.contrib_environment import run

SHOWS_ITS_FOLDER = "def test_it(tmp_path):\n    print('at', tmp_path)\n"
HANGS = """
import threading

def test_that_ends():
    pass

def test_that_waits_for_ever():
    print("before it waits", flush=True)
    threading.Event().wait()
"""
HANGS_AT_ITS_END = """
import atexit, threading

def never_ends():
    threading.Event().wait()

def test_that_ends():
    atexit.register(never_ends)
"""


def as_a_test_does(folder: Path) -> str:
    return run_pytest(folder, "-q", "-s").stdout


def as_a_stranger_does(folder: Path) -> str:
    return run(sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", cwd=folder).stdout


def as_a_page_says(folder: Path) -> str:
    reader = Reader.sit_down(folder)
    reader.writes("test_it.py", SHOWS_ITS_FOLDER)
    return reader._run("bash", "-c", "python -m pytest -q -s -p no:cacheprovider")


@pytest.mark.parametrize("started", [as_a_test_does, as_a_stranger_does, as_a_page_says])
def test_an_inner_run_has_a_folder_of_its_own(
    started: Callable[[Path], str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "test_it.py").write_text(SHOWS_ITS_FOLDER)
    printed = started(tmp_path)
    (said,) = (line for line in printed.splitlines() if line.startswith("at "))
    inner, outer = Path(said.removeprefix("at ")), tmp_path_factory.getbasetemp()
    assert inner.parents[2] not in outer.parents, (inner, outer)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "where"),
    [(HANGS, "test_that_waits_for_ever"), (HANGS_AT_ITS_END, "never_ends")],
    ids=["in it", "after it"],
)
def test_an_inner_run_that_does_not_end_says_where_it_hangs(text: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(text)
    told = ""
    for seconds in (2.0, 10.0, 50.0):  # on a busy computer it has not begun to wait after the first ones
        with pytest.raises(pytest.fail.Exception) as failed:
            run_pytest(tmp_path, "-v", timeout=seconds)
        told = str(failed.value)
        if f" in {where}\n" in told:  # a line of the stack
            break
    assert f" in {where}\n" in told
    assert "test_it.py::test_that_ends PASSED" in told
