"""The stream lane keeps the contract: over Unix sockets and TCP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperverse_core.testing.lane_conformance import LaneConformance
from hyperverse_stream.transport import StreamTransport


class TestStreamOverUnixSockets(LaneConformance):
    @pytest.fixture
    def make_transport(self) -> Callable[[], StreamTransport]:
        return StreamTransport


@pytest.mark.thorough
class TestStreamOverTcp(TestStreamOverUnixSockets):
    @pytest.fixture
    def address(self) -> Callable[[], str]:
        return lambda: "tcp://127.0.0.1:*"
