"""The public parts are enough for a transport: one over a message bus keeps the whole contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from hyperverse_core.errors import LaneFull
from hyperverse_core.lanes.messages import LARGEST_MESSAGE
from hyperverse_core.lanes.peer_channel import WINDOW_BYTES
from hyperverse_core.testing.lane_kit.addresses import Addresses
from hyperverse_core.testing.lane_kit.delivery import Delivery
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_core.testing.lane_kit.life import Life
from hyperverse_core.testing.lane_kit.loss import Loss
from hyperverse_core.testing.lane_kit.pressure import Pressure
from lanes.bus_transport import BusTransport


class TestBusTransport(Delivery, Pressure, Life, Loss, Addresses):
    """All of LaneConformance but the tests about keys."""

    @pytest.fixture
    def make_transport(self) -> Callable[[], BusTransport]:
        return BusTransport


async def test_no_more_than_a_window_is_on_the_way() -> None:
    """A broker has buffers without end; the window bounds what lies in them."""
    harness = Harness(BusTransport, str, 10.0)
    pair = await harness.pair()
    bus, waiting = BusTransport.bus, []
    inboxes = dict(bus.inboxes)
    for subject in inboxes:  # nobody reads any more
        bus.inboxes[subject] = lambda message, _: waiting.append(len(message))
    with pytest.raises(LaneFull):
        while True:
            pair.near.send(pair.peer, bytes(100_000))
    for _ in range(200):
        await asyncio.sleep(0)
    assert WINDOW_BYTES <= sum(waiting) <= WINDOW_BYTES + LARGEST_MESSAGE
    bus.inboxes.update(inboxes)
    harness.end()
