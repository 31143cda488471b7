"""The kit catches a transport that does not notice that the process of a peer has died or stopped, or waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

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


class Patient(ZmqTransport):
    """Waits until everything has left, and for an answer."""

    async def disconnect(self, peer: Peer) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await asyncio.Event().wait()


class ConnectsForEver(ZmqTransport):
    async def connect(self, address: str, receiver: LaneReceiver, **options: Any) -> Peer:
        return await super().connect(address, receiver, **{**options, "timeout": PATIENCE})


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


@pytest.mark.parametrize("how", ["disconnect", "close"])
async def test_a_lane_that_waits_for_a_peer_that_reads_nothing_is_caught(how: str) -> None:
    harness, kit = Harness(Patient, str, PATIENCE), Kit()
    kit.transport_path, kit.patience = "hyperverse_zmq.transport:ZmqTransport", 0.5
    try:
        with pytest.raises(AssertionError, match="waits for a peer that reads nothing"):
            await kit.test_a_full_lane_to_a_process_that_stands_still_can_be_ended(harness, Patient, how)
    finally:
        harness.end()


async def test_a_lane_that_connects_for_ever_is_caught() -> None:
    harness, kit = Harness(ConnectsForEver, str, PATIENCE), Kit()
    kit.transport_path, kit.patience = "hyperverse_zmq.transport:ZmqTransport", 0.5
    try:
        with pytest.raises(AssertionError, match="waits for a process that does not answer"):
            await kit.test_a_process_that_stands_still_is_not_waited_for_when_connecting(harness, ConnectsForEver)
    finally:
        harness.end()
