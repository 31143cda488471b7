"""The kit catches stores of content that are wrong, each in its own way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patience import START

pytestmark = pytest.mark.thorough

HERE = Path(__file__).parent
CAUGHT_BY = {
    "TestTrusting": "test_a_piece_with_another_digest_is_not_kept",
    "TestHalf": "test_nothing_is_there_before_all_is",
    "TestUnchecked": "test_a_whole_with_another_digest_is_dropped",
    "TestBlind": "test_damage_is_found",
}


@pytest.fixture(scope="module")
def failed() -> set[str]:
    """The tests that have failed, as ``Class::test``."""
    tests = [f"broken_blobs.py::{broken}::{test}" for broken, test in CAUGHT_BY.items()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *tests, "-q", "-rf", "-p", "no:cacheprovider", "-W", "ignore"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=START,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return {line.partition("::")[2] for line in lines}


@pytest.mark.parametrize("broken", CAUGHT_BY)
def test_the_kit_catches_it(broken: str, failed: set[str]) -> None:
    assert f"{broken}::{CAUGHT_BY[broken]}" in failed
