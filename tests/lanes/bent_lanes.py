"""What broken transports are made of: a receiver that passes on what it is told, and transports that bend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hyperverse_core.contracts.lane import Endpoint, LaneReceiver, LaneTransport, Peer
from hyperverse_core.lanes.local.transport import LocalTransport

__all__ = ["Bent", "Make", "bending", "plain"]

Make = Callable[[], Callable[[], LaneTransport]]
"""Makes what makes transports, all of one network."""


class Bent:
    """Passes on what a receiver is told, except for what a subclass bends."""

    def __init__(self, receiver: LaneReceiver) -> None:
        self.receiver = receiver

    def lane_up(self, peer: Peer) -> None:
        self.receiver.lane_up(peer)

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self.receiver.lane_frames(peer, frames)

    def lane_down(self, peer: Peer, reason: str) -> None:
        self.receiver.lane_down(peer, reason)


def plain(transport: type[LocalTransport]) -> Make:
    """Transports of that class."""
    return lambda: transport


def bending(bent: type[Bent]) -> Make:
    """Transports whose receivers are bent."""

    class Bending(LocalTransport):
        async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
            return await super().open(endpoint, bent(receiver))

        async def connect(self, address: str, receiver: LaneReceiver, **options: Any) -> Peer:
            return await super().connect(address, bent(receiver), **options)

    return lambda: Bending
