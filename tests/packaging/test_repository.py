"""The top level of the repository holds what it should, and no more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from patience import PATIENCE

REPOSITORY = Path(__file__).parents[2]
ALLOWED = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "RELEASING.md",
    "SECURITY.md",
    "changelog.d",
    "contrib",
    "docs",
    "hyperverse_core",
    "plugins",
    "pyproject.toml",
    "tests",
}


def tracked(repository: Path) -> list[str]:
    """What git keeps of ``repository``; what else its owner has put there is nobody's business."""
    if not (repository / ".git").exists():  # it may lie in a clone of something else
        pytest.skip("this is no clone: only git knows which of the files here belong to the project")
    command = ["git", "-C", str(repository), "ls-files", "--cached", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError:
        pytest.skip("there is no git to say which of the files here belong to the project")
    assert done.returncode == 0, done.stderr
    return [name for name in done.stdout.split("\0") if name and (repository / name).exists()]


def top(names: list[str]) -> set[str]:
    """Their first segments."""
    return {name.partition("/")[0] for name in names}


def test_only_named_entries_are_at_the_top() -> None:
    assert top(tracked(REPOSITORY)) - ALLOWED == set()


def test_what_a_user_puts_beside_the_project_does_not_count(tmp_path: Path) -> None:
    for name in ("kept/one", "v/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    try:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True, timeout=PATIENCE)
    except FileNotFoundError:
        pytest.skip("there is no git here")
    subprocess.run(["git", "-C", str(tmp_path), "add", "kept"], check=True, capture_output=True, timeout=PATIENCE)
    assert top(tracked(tmp_path)) == {"kept"}


def test_what_everybody_looks_for_is_at_the_top() -> None:
    assert {name for name in ALLOWED if not (REPOSITORY / name).exists()} == set()
