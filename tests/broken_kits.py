"""Runs tests of a kit that are expected to fail: those of implementations that are wrong on purpose."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from patience import START

__all__ = ["failures_of", "output_of"]


def output_of(file: Path, tests: Iterable[str], *, timeout: float = START) -> str:
    """What pytest says of tests of which at least one fails.

    Args:
        file: where the tests are. Pytest does not find them by itself.
        tests: their names, as ``Class::test``.
        timeout: seconds that they may take together.
    """
    named = [f"{file.name}::{test}" for test in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *named, "-q", "-rf", "-p", "no:cacheprovider", "-W", "ignore"],
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def failures_of(file: Path, tests: Iterable[str]) -> set[str]:
    """Those of the tests that have failed, as ``Class::test``; the arguments are those of :func:`output_of`."""
    lines = [line.split(" - ")[0] for line in output_of(file, tests).splitlines() if line.startswith("FAILED")]
    return {line.partition("::")[2] for line in lines}
