"""What the lanes use of the rooms above them."""

from __future__ import annotations

from typing import Protocol

import attrs

from ...contracts.lane import Peer
from ...protocol.codec import Message
from ...protocol.envelope import Envelope
from ...universe.waves.wave import Pong
from ..stars.star import Star

__all__ = ["Inbound", "Request"]


@attrs.define(eq=False)
class Request:
    """What another machine asks.

    Attributes:
        envelope: as it came.
        via: the connection that it came by; the answer goes back the same way while that is there.
    """

    envelope: Envelope
    via: Peer | None


class Inbound(Protocol):
    """Handles what other machines ask of the stars of this one."""

    def serve(self, star: Star, request: Request, message: Message) -> None:
        """Plans the handling of one request."""

    def refuse(self, request: Request, reply: Pong) -> None:
        """Answers a request that goes no further."""
