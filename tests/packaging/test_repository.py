"""The top level of the repository holds what it should, and no more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ALLOWED = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "contrib",
    "docs",
    "hyperverse_core",
    "plugins",
    "pyproject.toml",
    "tests",
}


def files() -> list[str]:
    """What is in the repository, or would be with the next commit."""
    command = ["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("there is no git here")
    if done.returncode:
        pytest.skip("this is no clone")
    return [name for name in done.stdout.splitlines() if (REPOSITORY / name).exists()]


def test_only_named_entries_are_at_the_top() -> None:
    assert {name.partition("/")[0] for name in files()} - ALLOWED == set()


def test_what_everybody_looks_for_is_at_the_top() -> None:
    assert {name for name in ALLOWED if not (REPOSITORY / name).exists()} == set()
