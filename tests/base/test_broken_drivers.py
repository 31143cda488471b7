"""The kit catches drivers that are wrong, each in its own way."""

from __future__ import annotations

from pathlib import Path

import pytest

from broken_kits import failures_of, output_of

pytestmark = pytest.mark.thorough

BROKEN = Path(__file__).parent / "broken_drivers.py"
CAUGHT_BY = {
    "TestUnsaved": "test_what_was_answered_survives_a_crash",
    "TestForgetful": "test_an_idle_particle_leaves_memory_and_comes_back_as_it_was",
    "TestNoAttrs": "test_the_particle_class_keeps_what_it_declares",
    "TestSharing": "test_a_new_particle_shares_nothing_with_another",
    "TestOneForAll": "test_a_change_changes_one_particle_only",
    "TestNeverForgets": "test_a_particle_that_is_created_again_begins_anew",
    "TestNowhere": "test_its_star_kinds_and_placement_are_known",
    "TestSilent": "test_the_kind_has_a_line_for_people",
    "TestChangesWhenRead": "test_a_restart_keeps_the_state",
    "TestDoesNotStart": "test_the_machine_serves_the_kind",
    "TestRefusesWithoutReason": "test_what_is_wrong_is_the_answer_of_create",
    "TestChecksOnce": "test_a_check_can_be_repeated",
    "TestWavers": "test_a_particle_has_the_same_traits_each_time",
    "TestNamesNoMethod": "test_a_particle_has_the_same_traits_each_time",
    "TestLoadsHalf": "test_what_a_particle_dumps_is_what_another_one_loads",
    "TestMakesAnother": "test_a_particle_shows_its_state",
    "TestCannotStop": "test_an_active_particle_stops_in_time_and_without_an_error_when_it_is_deleted",
    "TestTakesRights": "test_the_machine_serves_the_kind",
    "TestWritesWhenRead": "test_calls_that_read_are_answered_and_change_nothing",
    "TestRestless": "test_an_idle_particle_leaves_memory_and_comes_back_as_it_was",
    "TestPreparesNothing": "test_what_is_prepared_has_names",
}


@pytest.fixture(scope="module")
def failed() -> set[str]:
    """The tests that have failed, as ``Class::test``."""
    return failures_of(BROKEN, [f"{broken}::{test}" for broken, test in CAUGHT_BY.items()])


@pytest.mark.parametrize("broken", CAUGHT_BY)
def test_the_kit_catches_it(broken: str, failed: set[str]) -> None:
    assert f"{broken}::{CAUGHT_BY[broken]}" in failed


def test_a_failure_says_what_was_expected_and_whose_move_it_is() -> None:
    test = "TestRestless::test_an_idle_particle_leaves_memory_and_comes_back_as_it_was"
    said = output_of(BROKEN, [test])
    assert "expected: an idle particle leaves memory and comes back as it was" in said
    assert "whose move: the author of the driver " in said
    assert "declare `never_idle = True`" in said
