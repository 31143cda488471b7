"""The kit catches a transport that does not notice that the process of a peer has died or was stopped."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hyperverse_core.contracts.lane import Endpoint, LaneReceiver, Peer
from hyperverse_core.testing import LaneConformance
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_zmq.transport import ZmqTransport
from patience import PATIENCE


class _HearsNoEnd:
    def __init__(self, receiver: LaneReceiver) -> None:
        self._receiver = receiver

    def lane_up(self, peer: Peer) -> None:
        self._receiver.lane_up(peer)

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self._receiver.lane_frames(peer, frames)

    def lane_down(self, peer: Peer, reason: str) -> None:
        pass


class Deaf(ZmqTransport):
    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        return await super().open(endpoint, _HearsNoEnd(receiver))


class Kit(LaneConformance):
    notices_within = 2.0


@pytest.mark.parametrize("how", ["dies", "stops"])
async def test_a_lane_that_does_not_notice_is_caught(how: str) -> None:
    harness = Harness(Deaf, str, PATIENCE)
    kit = Kit()
    kit.transport_path = "hyperverse_zmq.transport:ZmqTransport"
    try:
        with pytest.raises(
            AssertionError, match=rf"lane_down must be called within 2 s when the process of a peer {how}"
        ):
            await kit.test_the_lane_to_a_process_that_dies_or_stops_is_down(harness, Deaf, how)
    finally:
        harness.end()
