"""The kit catches stores of content that are wrong, each in its own way."""

from __future__ import annotations

from pathlib import Path

import pytest

from broken_kits import failures_of

pytestmark = pytest.mark.thorough

BROKEN = Path(__file__).parent / "broken_blobs.py"
CAUGHT_BY = {
    "TestTrusting": "test_a_piece_with_another_digest_is_not_kept",
    "TestHalf": "test_nothing_is_there_before_all_is",
    "TestUnchecked": "test_a_whole_with_another_digest_is_dropped",
    "TestBlind": "test_damage_is_found",
}


@pytest.fixture(scope="module")
def failed() -> set[str]:
    """The tests that have failed, as ``Class::test``."""
    return failures_of(BROKEN, [f"{broken}::{test}" for broken, test in CAUGHT_BY.items()])


@pytest.mark.parametrize("broken", CAUGHT_BY)
def test_the_kit_catches_it(broken: str, failed: set[str]) -> None:
    assert f"{broken}::{CAUGHT_BY[broken]}" in failed
