"""The kit catches placement strategies that are wrong, each in its own way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patience import START

pytestmark = pytest.mark.thorough

HERE = Path(__file__).parent
CAUGHT_BY = {
    "TestElsewhere": "test_it_chooses_one_of_the_candidates[1]",
    "TestLater": "test_it_chooses_one_of_the_candidates[1]",
    "TestSticky": "test_it_does_not_choose_a_star_that_has_gone",
    "TestNeedsLabels": "test_it_chooses_among_machines_of_which_little_is_known",
    "TestSorts": "test_it_leaves_the_candidates_as_they_are",
    "TestRollsItsOwnDice": "test_the_same_chance_gives_the_same_choices",
    "TestNeedsSettings": "test_it_can_be_made_without_settings",
}


@pytest.fixture(scope="module")
def failed() -> set[str]:
    """The tests that have failed, as ``Class::test``."""
    tests = [f"broken_placements.py::{broken}::{test}" for broken, test in CAUGHT_BY.items()]
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
