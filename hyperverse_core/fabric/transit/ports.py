"""What the lanes use of the rooms above them."""

from __future__ import annotations

from typing import Protocol

import attrs

from ...contracts.lane import LaneReceiver, Peer
from ...protocol.envelope import Envelope, Hello, Refused
from ...protocol.messages import Message
from ...protocol.versions import Transmit
from ...universe.waves.wave import Pong
from ..stars.star import Star

__all__ = ["Board", "InboundPort", "LaneRequest", "OutgoingLane"]


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


class OutgoingLane(Protocol):
    """A lane to another machine, as the switchboard knows it by the connection that it has made.

    Attributes:
        name: of the other machine.
        peer: its connection when both sides have greeted, else None.
        cause: why it is down, or was the last time.
    """

    name: str
    peer: Peer | None
    cause: str

    def welcomed(self, hello: Hello) -> None:
        """The other machine has answered our hello."""

    def refused(self, said: Refused) -> None:
        """The other machine does not want us."""

    def broken(self, reason: str) -> None:
        """The connection is gone."""


class Board(LaneReceiver, Protocol):
    """What a lane to another machine tells the switchboard that it belongs to. It receives what comes by the lane."""

    def connected(self, peer: Peer, lane: OutgoingLane) -> None:
        """The lane has made a connection: what comes by it is for the lane until both sides have greeted."""

    async def greeted(self, lane: OutgoingLane) -> None:
        """Both ends of the lane have greeted; returns when it may be used."""

    def forgotten(self, peer: Peer) -> None:
        """The lane has given a connection up, and does not want to hear of it any more."""

    def use(self, peer: Peer, number: int) -> Transmit:
        """Agrees on a number of the protocol; returns what sends frames."""

    def lane_is(self, lane: OutgoingLane, up: bool) -> None:
        """The lane has come up or gone down."""

    def still_down(self, lane: OutgoingLane) -> None:
        """The lane could not be connected again."""

    def undelivered(self, frame: bytes, cause: str) -> None:
        """A frame has not left."""
