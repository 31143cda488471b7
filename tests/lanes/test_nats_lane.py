"""The NATS lane keeps the contract, over a real server."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from hyperverse_core.testing.lane_conformance import BrokerConformance, LaneConformance
from hyperverse_nats.transport import NatsTransport
from nats_server import NatsServer


def from_environment() -> NatsTransport:
    """For the other process of the kit."""
    return NatsTransport({"servers": os.environ["HV_TEST_LANE_URL"], "prefix": os.environ["HV_TEST_LANE_PREFIX"]})


class TestNats(LaneConformance):
    transport_path = "lanes.test_nats_lane:from_environment"

    @pytest.fixture
    def make_transport(
        self, nats_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], NatsTransport]:
        monkeypatch.setenv("HV_TEST_LANE_URL", nats_settings["servers"])
        monkeypatch.setenv("HV_TEST_LANE_PREFIX", nats_settings["prefix"])
        return partial(NatsTransport, nats_settings)


class TestNatsServer(BrokerConformance):
    """The server dies, and starts again at its port."""

    @pytest.fixture
    def between(self, nats_server: Callable[..., NatsServer]) -> NatsServer:
        return nats_server()

    @pytest.fixture
    def make_transport(self, between: NatsServer) -> Callable[[], NatsTransport]:
        return partial(NatsTransport, {"servers": between.url})
