"""The everyday run leaves the thorough tests out; CI, and whoever names their file, gets them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import START

TESTS = Path(__file__).parents[1]
SOURCE = """
import pytest

def test_quick(): pass

@pytest.mark.thorough
def test_long(): pass
"""


@pytest.mark.parametrize(
    ("words", "thorough", "passed"),
    [((), "", 1), ((".",), "", 1), (("test_it.py",), "", 2), (("test_it.py::test_long",), "", 1), ((), "1", 2)],
)
@pytest.mark.one_case_in(2)
def test_what_a_run_leaves_out(tmp_path: Path, words: tuple[str, ...], thorough: str, passed: int) -> None:
    (tmp_path / "test_it.py").write_text(SOURCE)
    env = {**os.environ, "PYTHONPATH": str(TESTS), "HYPERVERSE_THOROUGH": thorough}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "only_thorough", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{passed} passed" in done.stdout
    assert ("1 deselected" in done.stdout) == (passed == 1 and "::" not in "".join(words))


CASES = """
import pytest

pytestmark = pytest.mark.one_case_in(3)

@pytest.mark.parametrize("number", range(7))
def test_many(number): pass

@pytest.mark.parametrize("number", range(2))
def test_few(number): pass

@pytest.mark.thorough
@pytest.mark.parametrize("number", range(5))
def test_long(number): pass
"""


@pytest.mark.parametrize(("words", "thorough", "passed"), [((), "", 4), (("test_it.py",), "", 14), ((), "1", 14)])
def test_of_many_cases_a_run_takes_some_of_each_test(
    tmp_path: Path, words: tuple[str, ...], thorough: str, passed: int
) -> None:
    (tmp_path / "test_it.py").write_text(CASES)
    env = {**os.environ, "PYTHONPATH": str(TESTS), "HYPERVERSE_THOROUGH": thorough}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "only_thorough", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{passed} passed" in done.stdout
