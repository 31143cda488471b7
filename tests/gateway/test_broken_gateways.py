"""The kit catches gateways that are wrong, each in its own way, and says what was expected and whose move it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from broken_kits import output_of

pytestmark = pytest.mark.thorough

BROKEN = Path(__file__).parent / "broken_gateways.py"
CAUGHT_BY = {
    "TestSharesASession": ("test_an_agent_is_told_that_it_may_not", "must send the waves of Bob with his own rights"),
    "TestLetsStrangersIn": (
        "test_wrong_credentials_are_refused_and_nothing_happens[wrong]",
        "must refuse the token 'wrong'",
    ),
    "TestHidesRefusals": ("test_an_agent_is_told_that_it_may_not", "must pass on that Bob may not"),
    "TestHangsUpOnTooMuch": (
        "test_a_body_that_is_too_large_is_answered_413",
        "must stay usable after an answer 413",
    ),
    "TestIgnoresNonsense": ("test_nonsense_is_refused_and_the_agent_goes_on", "that is malformed must be answered"),
    "TestOneAfterTheOther": ("test_too_many_waves_are_answered_429", "8 waves of a connection must go on at once"),
    "TestTakesNoWaves": ("test_what_is_sent_to_the_session_arrives", "must reach the agent"),
    "TestKeepsSessions": ("test_a_session_ends_when_its_agent_goes", "must end the session of an agent that has gone"),
    "TestKeepsListening": ("test_close_ends_every_session_and_the_listener", "`close` must end every session"),
    "TestClosesOnce": ("test_close_may_be_called_twice", "may be called at any time, and twice"),
    "TestClosesSlowly": ("test_close_may_be_called_when_it_was_not_opened", "`close` has two seconds"),
    "TestRaisesWhatItGets": (
        "test_an_open_that_fails_can_be_closed_and_does_no_harm",
        "must raise Unavailable when its address is in use",
    ),
    "TestLeavesATask": ("test_nothing_is_left_running", "must end every task, thread and socket"),
    "TestWritesALog": ("test_it_writes_no_file_outside_the_data_directory", "and has written"),
}


@pytest.fixture(scope="module")
def said() -> str:
    """What pytest says of them."""
    tests = [f"{broken}::{test}" for broken, (test, _) in CAUGHT_BY.items()]
    return output_of(BROKEN, tests)


@pytest.mark.parametrize("broken", CAUGHT_BY)
def test_the_kit_catches_it(broken: str, said: str) -> None:
    test, why = CAUGHT_BY[broken]
    failed = [line for line in said.splitlines() if line.startswith("FAILED") and f"::{broken}::{test}" in line]
    assert failed
    report = said.partition("= FAILURES =")[2].partition(f" {broken}.{test} ")[2].partition("\n____")[0]
    assert why in report
    assert f"whose move: the author of the gateway {broken.removeprefix('Test')}" in report
