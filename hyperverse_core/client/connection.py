"""One connection of a client to a machine, from its first frame to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from .._version import __version__
from ..contracts.lane import LaneTransport, Peer
from ..errors import HyperverseError, ProtocolError, Unauthorized, Unavailable, error_for_status
from ..protocol.codec import decode
from ..protocol.frame_bytes import encode_frame
from ..protocol.frames import HelloFrame, RefusalFrame, WelcomeFrame
from ..protocol.messages import Message
from ..protocol.versions import PROTOCOLS, WITH_CLIENTS, ProtocolRange, Transmit, reader_of, sender_of
from .search import SearchTarget

__all__ = ["ClientConnection", "ConnectionOwner"]


class ConnectionOwner(Protocol):
    """Receives what arrives over a connection."""

    def received(self, connection: ClientConnection, message: Message) -> None:
        """Called when a message of the machine has arrived. Raises ProtocolError if a machine does not send such
        messages."""

    def lost(self, connection: ClientConnection, error: HyperverseError) -> None:
        """Called once when the connection has ended with ``error``, and only after :meth:`ClientConnection.open` has
        returned."""


class ClientConnection:
    """A connection to a machine, from the attempt to make it to its end.

    Attributes:
        protocols: the version numbers of the wire protocol that this client understands.
        target: the machine at the other end.
        peer: the transport's connection.
        welcome: the first frame of the machine.
        transmit: sends frames; the ``send`` of the transport.
        standing: whether frames can be sent.
    """

    protocols: ClassVar[ProtocolRange] = PROTOCOLS
    peer: Peer
    welcome: WelcomeFrame

    def __init__(
        self, owner: ConnectionOwner, transport: LaneTransport, target: SearchTarget, *, known: bool = False
    ) -> None:
        """``known`` is true if the machine at that address has proved its key to this client before."""
        self.known = known
        self.owner = owner
        self.transport = transport
        self.target = target
        self.transmit: Transmit = transport.send
        self.standing = False
        self._read: Callable[[bytes], bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._welcoming: asyncio.Future[WelcomeFrame] = self._loop.create_future()

    async def open(self, token: str, timeout: float) -> None:
        """Connects, presents the token, and returns once the machine has welcomed the client.

        Args:
            token: credentials to present.
            timeout: seconds allowed for all of it.

        Raises:
            Unavailable: no machine listens there, or it does not answer in time.
            Unauthorized: the machine does not prove ``server_key``, or rejects the token.
            ProtocolError: the other end is not a machine, or has no version number of the protocol in common with this
                client.
        """
        target = self.target
        until = self._loop.time() + timeout
        try:
            self.peer = await self.transport.connect(
                target.address, self, server_key=target.server_key, timeout=timeout
            )
        except Unauthorized as exc:
            if not self.known or exc.retry_after is None:
                raise
            raise Unavailable(
                f"{self.name} has ended the connection in the middle of the handshake",
                hint="it may be full, or stopping",
                retry_after=exc.retry_after,
            ) from exc
        try:
            numbers = self.protocols
            hello = HelloFrame(numbers.speaks, token, __version__, numbers.understands)
            self.transport.send(self.peer, encode_frame(hello))
            async with asyncio.timeout_at(until):
                self.welcome = await self._welcoming
        except TimeoutError:
            await self.transport.disconnect(self.peer)
            raise Unavailable(
                f"the machine at {target.address!r} did not answer within {timeout:g} s", retry_after=1.0
            ) from None
        except BaseException:
            await self.transport.disconnect(self.peer)
            raise

    # -- calls of the transport ---------------------------------------------------------------------------

    def lane_up(self, peer: Peer) -> None:
        """Never called, because a client does not listen."""

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """Called when frames of the machine have arrived."""
        now = self._loop.time()
        try:
            for frame in frames:
                message = decode(frame if self._read is None else self._read(frame), now)
                if self.standing:
                    if isinstance(message, RefusalFrame):
                        self._end(error_for_status(message.status, message.error, hint=message.hint))
                        return
                    self.owner.received(self, message)
                elif not self._welcoming.done():
                    self._welcomed(message)
        except ProtocolError as exc:
            self._end(exc)

    def _welcomed(self, message: Message) -> None:
        if isinstance(message, RefusalFrame):
            self._end(error_for_status(message.status, message.error, hint=message.hint))
            return
        if not isinstance(message, WelcomeFrame):
            raise ProtocolError(f"{self.name} begins with a {type(message).__name__}")
        number = message.protocol
        if not self.protocols.understands <= number <= self.protocols.speaks:
            raise ProtocolError(
                f"{self.name} (version {message.version}) speaks {number} of the wire protocol, "
                f"this client (version {__version__}) {self.protocols}",
                hint="upgrade one of them",
            )
        self.transmit = sender_of(self.transport.send, number, WITH_CLIENTS)
        self._read = reader_of(number, WITH_CLIENTS)
        self.standing = True
        self._welcoming.set_result(message)

    def lane_down(self, peer: Peer, reason: str) -> None:
        """The connection has ended."""
        self._end(Unavailable(f"the connection to {self.name} was lost: {reason}"))

    def _end(self, error: HyperverseError) -> None:
        if not self._welcoming.done():
            self._welcoming.set_exception(error)
            return
        if self.standing:
            self.standing = False
            self.owner.lost(self, error)

    @property
    def name(self) -> str:
        """The name of the machine in errors."""
        return f"machine {self.target.name!r}" if self.target.name else f"the machine at {self.target.address!r}"
