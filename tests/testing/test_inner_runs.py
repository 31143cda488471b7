"""A run of pytest that a test starts deletes nothing of other runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patience import START


def test_an_inner_run_has_a_folder_of_its_own(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(tmp_path):\n    print('at', tmp_path)\n")
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = (line for line in done.stdout.splitlines() if line.startswith("at "))
    inner, outer = Path(said.removeprefix("at ")), tmp_path_factory.getbasetemp()
    assert inner.parents[2] not in outer.parents, (inner, outer)
