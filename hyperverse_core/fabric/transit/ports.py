"""What the lanes use of the rooms above them."""

from __future__ import annotations

import random
from typing import Any, Protocol

import attrs

from ...contracts.lane import Identity, LaneReceiver, LaneTransport, Peer
from ...protocol.envelope import Envelope
from ...protocol.messages import Message
from ...protocol.versions import Transmit
from ...universe.waves.wave import Pong
from ..stars.star import Star
from .greeting import Greeting
from .pending import PendingAnswers

__all__ = ["Board", "InboundPort", "LaneRequest"]


@attrs.define(eq=False)
class LaneRequest:
    """What another machine asks.

    Attributes:
        envelope: as it came.
        via: the connection that it came by; the answer goes back the same way while that is there.
    """

    envelope: Envelope
    via: Peer | None


class InboundPort(Protocol):
    """Handles what other machines ask of the stars of this one."""

    def serve(self, star: Star, request: LaneRequest, message: Message) -> None:
        """Plans the handling of one request."""

    def refuse(self, request: LaneRequest, reply: Pong) -> None:
        """Answers a request that goes no further."""


class Board(LaneReceiver, Protocol):
    """What a lane to another machine uses of the switchboard that it belongs to."""

    transport: LaneTransport
    identity: Identity
    greeting: Greeting
    pending: PendingAnswers
    chance: random.Random
    outgoing: dict[Peer, Any]

    def use(self, peer: Peer, number: int) -> Transmit:
        """Agrees on a number of the protocol; returns what sends frames."""

    def lane_is(self, lane: Any, up: bool) -> None:
        """The lane has come up or gone down."""

    def still_down(self, lane: Any) -> None:
        """The lane could not be connected again."""

    def undelivered(self, frame: bytes, cause: str) -> None:
        """A frame has not left."""
