"""The kit for lanes finds what is wrong: for each way to break the contract there is a test that fails."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from hyperverse_core.errors import HyperverseError
from hyperverse_core.testing.lane_conformance import LaneConformance
from hyperverse_core.testing.lane_kit.harness import Harness
from lanes.broken_habits import BROKEN_HABITS
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
    "believes any key": "test_a_stolen_public_key_is_worth_nothing",
    "has one default address": "test_each_purpose_has_a_default_address_that_can_be_opened",
    "has one default address for all machines": "test_two_machines_of_one_computer_listen_by_default",
    "has another default address each time": "test_a_default_address_is_the_same_after_a_restart",
    "has the default address of somebody else": "test_each_purpose_has_a_default_address_that_can_be_opened",
    "has a default address that is too long": "test_a_directory_with_a_long_name_has_a_default_address_too",
    "takes everything for local": "test_what_is_not_an_address_of_this_computer_is_not_local",
    "works everywhere": "test_it_says_of_each_address_whether_it_is_local",
    "fails at a foreign address": "test_what_is_not_an_address_of_this_computer_is_not_local",
    "refuses its own keys": "test_every_public_key_that_it_makes_is_taken_for_a_key",
    "takes any text for a key": "test_what_cannot_be_a_key_is_a_bad_request_that_says_how_one_looks",
    "trusts any endpoint": "test_an_endpoint_that_does_not_hold_the_key_is_not_trusted",
    "trusts any endpoint when no key is given": "test_without_the_key_of_an_endpoint_nobody_connects_to_it",
    "confuses receivers": "test_two_endpoints_tell_their_own_receivers",
    "does not tell of an end": "test_disconnect_delivers_what_was_sent_and_tells_the_other_side_once",
    "tells of an end twice": "test_the_other_side_of_an_abort_is_told_once",
    "does not say why it ends": "test_disconnect_delivers_what_was_sent_and_tells_the_other_side_once",
    "tells of a beginning twice": "test_a_peer_comes_up_once_and_before_its_frames",
    "loses a frame when it was full": "test_a_flood_to_a_slow_receiver_is_bounded_and_loses_nothing",
    "is full though it says that there is room": "test_a_flood_to_a_slow_receiver_is_bounded_and_loses_nothing",
    "lets one that gives up disturb the others": "test_one_that_gives_up_waiting_for_room_leaves_the_others_alone",
    "waits for a side that waits": "test_both_sides_may_end_a_connection_at_once",
    "speaks after we have ended it": "test_what_we_have_ended_is_silent",
    "cannot be ended once that was cancelled": "test_an_end_whose_caller_was_cancelled_can_be_asked_for_again",
    "tells addresses with ports": "test_the_address_of_a_peer_is_that_of_its_host",
    "tells the key of the last one": "test_many_that_connect_at_once_keep_their_own_keys",
    "delivers after the end": "test_the_other_side_of_an_abort_is_told_once",
    "calls from another thread": "test_a_peer_comes_up_once_and_before_its_frames",
    "stops at an exception": "test_a_failing_receiver_is_logged_and_harms_nothing",
    "lets a batch overtake another": "test_a_receiver_may_answer_from_within_its_calls",
}


ALL = {**BROKEN, **BROKEN_HABITS}
WITH_TEXT = {
    "test_what_is_not_an_address_of_this_computer_is_not_local": "nats://192.0.2.1:4222",
    "test_what_cannot_be_a_key_is_a_bad_request_that_says_how_one_looks": "nonsense",
}


async def _run(
    what: str,
    test: str,
    directory: Path,
    *,
    caplog: pytest.LogCaptureFixture | None = None,
    patience: float = 0.5,
    **arguments: object,
) -> None:
    kit = LaneConformance()
    if test in WITH_TEXT:
        arguments["text"] = WITH_TEXT[test]
    if test == "test_a_failing_receiver_is_logged_and_harms_nothing":
        arguments |= {"caplog": caplog, "clumsy_in": "down"}
    if "tmp_path" in inspect.signature(getattr(kit, test)).parameters:
        arguments["tmp_path"] = directory
    harness = Harness(ALL[what](), str, patience)
    kit.patience = patience
    try:
        await getattr(kit, test)(harness, **arguments)
    finally:
        harness.end()


@pytest.mark.parametrize(("what", "test"), CAUGHT_BY.items())
async def test_a_lane_that_breaks_the_contract_is_caught(
    what: str, test: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises((AssertionError, TimeoutError, HyperverseError, pytest.fail.Exception)):
        await _run(what, test, tmp_path, caplog=caplog)


@pytest.mark.parametrize("test", sorted(set(CAUGHT_BY.values())))
async def test_a_sound_lane_is_not_accused(test: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await _run("nothing", test, tmp_path, caplog=caplog, patience=PATIENCE)


async def test_a_lane_that_cuts_frames_off_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="3000000 bytes became 1000"):
        await _run("cuts frames off", "test_a_frame_of_any_size_arrives_unchanged", tmp_path, size=3_000_000)


def test_every_broken_lane_is_tried() -> None:
    assert set(ALL) == {*CAUGHT_BY, "nothing", "cuts frames off"}
