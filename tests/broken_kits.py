"""Runs tests of a kit that are expected to fail: those of implementations that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from inner_runs import run_pytest
from patience import SUITE

__all__ = ["failures_of", "output_of"]


def output_of(file: Path, tests: Iterable[str]) -> str:
    """What pytest says of tests of which at least one fails.

    Args:
        file: where the tests are. Pytest does not find them by itself.
        tests: their names, as ``Class::test``.
    """
    named = [f"{file.name}::{test}" for test in tests]
    done = run_pytest(file.parent, *named, "-q", "-rf", "-W", "ignore", timeout=SUITE)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def failures_of(file: Path, tests: Iterable[str]) -> set[str]:
    """Those of the tests that have failed, as ``Class::test``; the arguments are those of :func:`output_of`."""
    lines = [line.split(" - ")[0] for line in output_of(file, tests).splitlines() if line.startswith("FAILED")]
    return {line.partition("::")[2] for line in lines}
