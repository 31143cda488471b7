"""mypy --strict and pyright agree with the files here: a line with ``# wrong`` must not check, every other must."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

FILES = sorted((Path(__file__).parent / "files").glob("*.py"))


def wrong_lines(file: Path) -> set[int]:
    return {number for number, line in enumerate(file.read_text("utf-8").splitlines(), 1) if line.endswith("# wrong")}


def mypy(file: Path) -> set[int]:
    program = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file=", str(file)]
    found = subprocess.run(program, capture_output=True, text=True, timeout=280)
    assert not found.stderr, found.stderr
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", found.stdout)}


def pyright(file: Path) -> set[int]:
    program = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(file)]
    found = subprocess.run(program, capture_output=True, text=True, timeout=280)
    said = json.loads(found.stdout)
    return {row["range"]["start"]["line"] + 1 for row in said["generalDiagnostics"] if row["severity"] == "error"}


@pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda checker: checker.__name__)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_typed_calls_are_checked(file: Path, checker: object) -> None:
    assert wrong_lines(file)
    assert checker(file) == wrong_lines(file)  # type: ignore[operator]  # one of the two functions above
