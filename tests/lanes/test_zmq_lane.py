"""The ZeroMQ lane keeps the contract: over ipc and tcp."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperverse_core.testing.lane_conformance import LaneConformance
from hyperverse_zmq.transport import ZmqTransport


class TestZmqOverIpc(LaneConformance):
    @pytest.fixture
    def make_transport(self) -> Callable[[], ZmqTransport]:
        return ZmqTransport


@pytest.mark.thorough
class TestZmqOverTcp(TestZmqOverIpc):
    @pytest.fixture
    def address(self) -> Callable[[], str]:
        return lambda: "tcp://127.0.0.1:*"
