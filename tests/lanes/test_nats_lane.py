"""The NATS lane keeps the contract, over a real server."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from hyperverse_core.testing.lane_conformance import LaneConformance
from hyperverse_nats.transport import NatsTransport


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
