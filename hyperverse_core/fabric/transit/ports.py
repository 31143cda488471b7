"""The parts of the layers above that the lanes use."""

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
    """A request from another machine.

    Attributes:
        envelope: the envelope as received.
        via: the connection by which it arrived; the answer takes the same connection while it lasts.
    """

    envelope: Envelope
    via: Peer | None


class InboundPort(Protocol):
    """Handles requests of other machines to the stars of this one."""

    def serve(self, star: Star, request: LaneRequest, message: Message) -> None:
        """Schedules the handling of one request."""

    def refuse(self, request: LaneRequest, reply: Pong) -> None:
        """Answers a request that is not handled."""


class OutgoingLane(Protocol):
    """A lane to another machine. The switchboard finds it by the connection that the lane made.

    Attributes:
        name: name of the other machine.
        peer: its connection once both sides have greeted, otherwise None.
        cause: why it is down, or was down last.
    """

    name: str
    peer: Peer | None
    cause: str

    def welcomed(self, hello: Hello) -> None:
        """Handles the other machine's answer to the hello of this machine."""

    def refused(self, said: Refused) -> None:
        """Handles a refusal by the other machine."""

    def broken(self, reason: str) -> None:
        """Called when the connection is lost."""


class Board(LaneReceiver, Protocol):
    """The switchboard, as a lane to another machine reports to it. It receives the frames of the lane."""

    def connected(self, peer: Peer, lane: OutgoingLane) -> None:
        """Called when the lane made a connection. Frames on it belong to the lane until both sides have greeted."""

    async def greeted(self, lane: OutgoingLane) -> None:
        """Called when both ends of the lane have greeted; returns when the lane may be used."""

    def forgotten(self, peer: Peer) -> None:
        """Called when the lane has abandoned a connection, which it ignores from now on."""

    def use(self, peer: Peer, number: int) -> Transmit:
        """Sets the protocol number of a peer; returns the function that sends frames."""

    def lane_is(self, lane: OutgoingLane, up: bool) -> None:
        """Called when the lane has come up or gone down."""

    def still_down(self, lane: OutgoingLane) -> None:
        """Called when the lane failed to reconnect."""

    def undelivered(self, frame: bytes, cause: str) -> None:
        """Called when a frame was not sent."""
