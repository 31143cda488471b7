"""The local lane keeps the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing.lane_conformance import LaneConformance
from kits import without


@without("test_the_lane_to_a_process_that_dies_or_stops_is_down")
class TestLocalLane(LaneConformance):
    crosses_processes = False

    @pytest.fixture
    def make_transport(self) -> Callable[[], LocalTransport]:
        return LocalTransport
