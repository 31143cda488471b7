"""The kit catches placement strategies that are wrong, each in its own way."""

from __future__ import annotations

from pathlib import Path

import pytest

from broken_kits import failures_of

pytestmark = pytest.mark.thorough

BROKEN = Path(__file__).parent / "broken_placements.py"
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
    return failures_of(BROKEN, [f"{broken}::{test}" for broken, test in CAUGHT_BY.items()])


@pytest.mark.parametrize("broken", CAUGHT_BY)
def test_the_kit_catches_it(broken: str, failed: set[str]) -> None:
    assert f"{broken}::{CAUGHT_BY[broken]}" in failed
