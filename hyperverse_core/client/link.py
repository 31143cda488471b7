"""One connection of a client to a machine: from its knock to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from .._version import __version__
from ..contracts.lane import LaneTransport, Peer
from ..errors import HyperverseError, ProtocolError, Unavailable, error_for_status
from ..protocol.codec import PROTOCOL, Message, decode, encode_frame
from ..protocol.frames import GreetFrame, KnockFrame, RefusalFrame
from .search import Target

__all__ = ["ClientLink", "LinkOwner"]


class LinkOwner(Protocol):
    """Who gets what comes over a link."""

    def received(self, link: ClientLink, message: Message) -> None:
        """A message of the machine. Raises ProtocolError when it makes no sense."""

    def lost(self, link: ClientLink, error: HyperverseError) -> None:
        """The connection has ended, and why. Called once, and only for a link that was opened."""


class ClientLink:
    """A connection that is being made, or stands.

    Attributes:
        target: who is at the other end.
        peer: the connection, as the transport knows it.
        greet: what the machine has greeted with.
        standing: whether frames can be sent.
    """

    peer: Peer
    greet: GreetFrame

    def __init__(self, owner: LinkOwner, transport: LaneTransport, target: Target) -> None:
        self.owner = owner
        self.transport = transport
        self.target = target
        self.standing = False
        self._loop = asyncio.get_running_loop()
        self._greeting: asyncio.Future[GreetFrame] = self._loop.create_future()

    async def open(self, token: str, timeout: float) -> None:
        """Connects, knocks, and returns when the machine has greeted.

        Raises:
            Unavailable: nobody listens there, or no greeting in time.
            Unauthorized: the machine does not prove ``server_key``, or does not take the token.
            ProtocolError: what is there is no machine, or one of another release.
        """
        target = self.target
        until = self._loop.time() + timeout
        self.peer = await self.transport.connect(target.address, self, server_key=target.server_key, timeout=timeout)
        try:
            self.transport.send(self.peer, encode_frame(KnockFrame(PROTOCOL, token, __version__)))
            async with asyncio.timeout_at(until):
                self.greet = await self._greeting
        except TimeoutError:
            await self.transport.disconnect(self.peer)
            raise Unavailable(
                f"the machine at {target.address!r} did not greet within {timeout:g} s", retry_after=1.0
            ) from None
        except BaseException:
            await self.transport.disconnect(self.peer)
            raise

    # -- what the transport tells -------------------------------------------------------------------------

    def lane_up(self, peer: Peer) -> None:
        """Does not happen: nobody comes in by a door here."""

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """The machine says something."""
        now = self._loop.time()
        try:
            for frame in frames:
                message = decode(frame, now)
                if self.standing:
                    if isinstance(message, RefusalFrame):
                        self._end(error_for_status(message.status, message.error, hint=message.hint))
                        return
                    self.owner.received(self, message)
                elif not self._greeting.done():
                    self._greeted(message)
        except ProtocolError as exc:
            self._end(exc)

    def _greeted(self, message: Message) -> None:
        if isinstance(message, RefusalFrame):
            self._end(error_for_status(message.status, message.error, hint=message.hint))
            return
        if not isinstance(message, GreetFrame):
            raise ProtocolError(f"the machine greets with a {type(message).__name__}")
        if message.protocol != PROTOCOL:
            raise ProtocolError(
                f"the machine speaks protocol {message.protocol}, this client {PROTOCOL}",
                hint="use a client and a machine of the same release",
            )
        self.standing = True
        self._greeting.set_result(message)

    def lane_down(self, peer: Peer, reason: str) -> None:
        """The connection is gone."""
        self._end(Unavailable(f"the connection to {self.name} was lost: {reason}"))

    def _end(self, error: HyperverseError) -> None:
        if not self._greeting.done():
            self._greeting.set_exception(error)
            return
        if self.standing:
            self.standing = False
            self.owner.lost(self, error)

    @property
    def name(self) -> str:
        """The machine, for messages."""
        return f"machine {self.target.name!r}" if self.target.name else f"the machine at {self.target.address!r}"
