"""The local lane keeps the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing.lane_conformance import LaneConformance
from kits import without


@without(
    "test_the_lane_to_a_process_that_dies_or_stops_is_down",
    "test_a_full_lane_to_a_process_that_stands_still_can_be_ended",
    "test_a_process_that_stands_still_is_not_waited_for_when_connecting",
)
class TestLocalLane(LaneConformance):
    crosses_processes = False

    @pytest.fixture
    def make_transport(self) -> Callable[[], LocalTransport]:
        return LocalTransport
