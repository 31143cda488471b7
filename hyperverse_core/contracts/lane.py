"""LaneTransport: moves opaque frames between machines, and between a machine and its clients.

It knows nothing of stars or waves. Who a peer is, it proves with keys; what a peer may do is asked elsewhere.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

__all__ = ["Endpoint", "Identity", "LaneReceiver", "LaneTransport", "Peer"]


@attrs.frozen
class Identity:
    """A key pair of a transport. A transport without keys uses empty texts."""

    public: str = ""
    secret: str = attrs.field(default="", repr=False)


@attrs.frozen
class Endpoint:
    """A place where peers may connect.

    Attributes:
        name: for logs, such as ``clients`` or ``stars``.
        address: where to listen, in the transport's own notation; empty lets it choose one.
        identity: the key that peers must know to connect.
        allow: public keys that may connect; None lets any key in (who they are is then proved by a knock).
    """

    name: str
    address: str
    identity: Identity = attrs.field(factory=Identity)
    allow: frozenset[str] | None = None


@attrs.frozen(eq=False)
class Peer:
    """One connection to somebody, from its up to its down; compared by identity.

    Attributes:
        name: unique among the peers of a transport object, for logs.
        key: the public key that the peer has proved to hold; empty when the transport proves nothing.
        door: name of the door it came in by; empty for a connection that we made.
    """

    name: str
    key: str = ""
    door: str = ""


class LaneReceiver(Protocol):
    """What a transport calls, on the event loop, never at once with itself, and never before ``open`` or
    ``connect`` was called. None of these may block; what they raise is logged by the transport and ends nothing."""

    def lane_up(self, peer: Peer) -> None:
        """A peer has come in by a door. (For a connection that we made, ``connect`` returns it instead.)"""

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """``frames`` have arrived from ``peer``, in the order in which they were sent."""

    def lane_down(self, peer: Peer, reason: str) -> None:
        """The connection is lost, and ``reason`` says why: nothing comes from ``peer`` or reaches it any more. Called
        once for each peer, also for those that ``connect`` has returned, but not for those that we have ended
        ourselves."""


class LaneTransport(abc.ABC):
    """Contract of a transport.

    Args:
        settings: the transport's own table of the config.

    Delivery: frames of one peer arrive in the order they were sent, each once, whole and unchanged, or not at all
    once the connection is lost; then both sides get a ``lane_down`` within a few seconds, also when the peer's
    process was stopped or its machine died. A transport does not reconnect by itself.
    """

    proves_peers: bool = False
    """Whether the transport proves that the other end of a connection holds the secret of :attr:`Peer.key`. Where it
    does not, a machine that connects has to show credentials that the policy takes; all others are refused."""

    max_frame: int = 16 * 1024 * 1024
    """The largest frame (bytes). A peer that sends a larger one is disconnected."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    @abc.abstractmethod
    def new_identity(self) -> Identity:
        """A fresh key pair."""

    @abc.abstractmethod
    async def open(self, door: Endpoint, receiver: LaneReceiver) -> str:
        """Listens; several doors may be open at once, each with its own receiver.

        Returns:
            the address that peers can connect to.

        Raises:
            Unavailable: the address is in use or cannot be bound; the text names it and the cure.
            BadRequest: the address is not one.
        """

    @abc.abstractmethod
    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        """Connects to a door.

        Args:
            address: where it is, as :meth:`open` has returned it.
            receiver: what is called for this connection.
            identity: our key pair; a fresh one when None.
            server_key: the public key that the door must prove to hold.
            timeout: seconds for the whole of it.

        Raises:
            Unavailable: nobody listens there, or no answer in time.
            Unauthorized: the door does not let our key in, or does not hold ``server_key``.
        """

    @abc.abstractmethod
    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        """Takes a frame for ``peer``. What is sent in one turn of the event loop travels together.

        Args:
            priority: 0 goes first, 4 last, among what has not left yet; the order within one priority is kept.

        Raises:
            LaneFull: the peer does not keep up; the frame was not taken. See :meth:`drain`.
            TooLarge: more than ``max_frame``.
            Unavailable: the peer is gone.
        """

    @abc.abstractmethod
    async def drain(self, peer: Peer) -> None:
        """Returns when ``peer`` takes frames again. Raises Unavailable when it is gone."""

    @abc.abstractmethod
    async def disconnect(self, peer: Peer) -> None:
        """Ends one connection after what was sent has left, within a second. No ``lane_down`` for it here."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Ends everything after what was sent has left, within a second. May be called twice."""

    @abc.abstractmethod
    def abort(self) -> None:
        """Ends everything at once. May be called twice, and after close."""
