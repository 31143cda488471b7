"""The kit for lanes finds what is wrong: for each way to break the contract there is a test that fails."""

from __future__ import annotations

import pytest

from hyperverse_core.testing.lane_conformance import LaneConformance
from hyperverse_core.testing.lane_kit.base import Bench
from lanes.broken_lanes import BROKEN
from patience import PATIENCE

CAUGHT_BY = {
    "loses a frame": "test_frames_sent_in_one_turn_arrive_in_order",
    "changes the order": "test_frames_sent_in_one_turn_arrive_in_order",
    "repeats a frame": "test_frames_sent_in_one_turn_arrive_in_order",
    "is not bounded": "test_a_flood_to_a_slow_receiver_is_bounded_and_loses_nothing",
    "never says that there is room": "test_drain_wakes_all_who_wait",
    "ignores priorities": "test_urgent_frames_overtake_what_has_not_left",
    "cuts what is too large": "test_the_largest_frame_passes_and_a_larger_one_is_refused",
    "lets anybody in": "test_only_allowed_keys_come_in",
    "trusts any door": "test_a_door_that_does_not_hold_the_key_is_not_trusted",
    "confuses receivers": "test_two_doors_tell_their_own_receivers",
    "does not tell of an end": "test_disconnect_delivers_what_was_sent_and_tells_the_other_side_once",
    "tells of an end twice": "test_the_other_side_of_an_abort_is_told_once",
    "tells of a beginning twice": "test_a_peer_comes_up_once_and_before_its_frames",
}


async def _run(what: str, test: str, *, patience: float = 0.5, **arguments: object) -> None:
    kit = LaneConformance()
    bench = Bench(BROKEN[what](), str, patience)
    kit.patience = patience
    try:
        await getattr(kit, test)(bench, **arguments)
    finally:
        bench.end()


@pytest.mark.parametrize(("what", "test"), CAUGHT_BY.items())
async def test_a_lane_that_breaks_the_contract_is_caught(what: str, test: str) -> None:
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await _run(what, test)


@pytest.mark.parametrize("test", sorted(set(CAUGHT_BY.values())))
async def test_a_sound_lane_is_not_accused(test: str) -> None:
    await _run("nothing", test, patience=PATIENCE)


async def test_a_lane_that_cuts_frames_off_is_caught() -> None:
    with pytest.raises(AssertionError, match="3000000 bytes became 1000"):
        await _run("cuts frames off", "test_a_frame_of_any_size_arrives_unchanged", size=3_000_000)


def test_every_broken_lane_is_tried() -> None:
    assert set(BROKEN) == {*CAUGHT_BY, "nothing", "cuts frames off"}
