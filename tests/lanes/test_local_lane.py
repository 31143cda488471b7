"""The local lane keeps the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing.lane_conformance import LaneConformance


class TestLocalLane(LaneConformance):
    @pytest.fixture
    def make_transport(self) -> Callable[[], LocalTransport]:
        return LocalTransport
