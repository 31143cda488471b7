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
def test_what_a_run_leaves_out(tmp_path: Path, words: tuple[str, ...], thorough: str, passed: int) -> None:
    (tmp_path / "test_it.py").write_text(SOURCE)
    env = {**os.environ, "PYTHONPATH": str(TESTS), "HYPERVERSE_THOROUGH": thorough}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "only_thorough", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{passed} passed" in done.stdout
    assert ("1 deselected" in done.stdout) == (passed == 1 and "::" not in "".join(words))
