"""LaneTransport: moves opaque frames between machines, and between a machine and its clients.

A transport knows nothing of stars or waves. It owns its addresses and its keys: nobody else takes them apart. It proves
who a peer is, if it can; what the peer may do is asked elsewhere.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs

from ..errors import BadRequest

__all__ = ["Endpoint", "Identity", "LaneReceiver", "LaneTransport", "Peer"]


@attrs.frozen
class Identity:
    """A key pair of a transport. A transport without keys uses empty texts.

    Attributes:
        public: the public key, which others may know.
        secret: the secret key; ``repr`` hides it.
    """

    public: str = ""
    secret: str = attrs.field(default="", repr=False)


@attrs.frozen
class Endpoint:
    """Where a transport listens for peers, and for whom.

    Attributes:
        name: what it is for, ``stars`` or ``clients``; it appears in logs.
        address: where to listen, in the notation of the transport; empty lets the transport choose.
        identity: the key pair that the transport proves to peers.
        allow: public keys that may connect; None lets every key connect.
        unanswered: bytes of frames that a peer may have unfinished here until something was sent to it, since until
            then it may be anybody; 0 for no bound but :attr:`LaneTransport.max_frame`. A peer beyond it is
            disconnected. A transport that keeps no unfinished frames need not look at it.
    """

    name: str
    address: str
    identity: Identity = attrs.field(factory=Identity)
    allow: frozenset[str] | None = None
    unanswered: int = 0


@attrs.frozen(eq=False)
class Peer:
    """The other end of one connection, as long as it lasts. Compared by identity.

    Attributes:
        name: unique among the peers of a transport object, for logs.
        key: the public key that the peer has proved to hold; see :attr:`LaneTransport.proves_peers`. Empty when it
            has proved none.
        endpoint: name of our endpoint that it connected to; empty for a connection that we made.
        address: the address of its host, without a port, as in ``192.0.2.7``; empty when the transport knows none, as
            for a process of this computer. Wrong tokens are counted by it.
    """

    name: str
    key: str = ""
    endpoint: str = ""
    address: str = ""


class LaneReceiver(Protocol):
    """What a transport calls.

    The calls come on the event loop, one after another, and not before ``open`` or ``connect`` was called. None of them
    may block. The transport logs what they raise, and goes on.
    """

    def lane_up(self, peer: Peer) -> None:
        """A peer has connected to an endpoint. (For a connection that we made, ``connect`` returns the peer.)

        Args:
            peer: the new connection.
        """

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """``frames`` have arrived from ``peer``, in the order in which they were sent."""

    def lane_down(self, peer: Peer, reason: str) -> None:
        """The connection has ended, and ``reason`` says why: nothing more comes from ``peer``, and nothing reaches it.

        Called once for each peer, also for one that ``connect`` returned, but not for one that we disconnected.
        """


class LaneTransport(abc.ABC):
    """Contract of a transport.

    Delivery: the frames of one peer arrive in the order in which they were sent, each once, whole and unchanged. When
    the connection is lost, the frames behind some point do not arrive, and both sides get a ``lane_down`` within a few
    seconds, also when the peer's process was stopped or its computer died. A transport does not reconnect by itself.

    A transport is made and used inside one running event loop, but for :meth:`default_address`, :meth:`is_local`,
    :meth:`check_key` and :meth:`new_identity`, which also work where none runs.

    Args:
        settings: the transport's own settings, from the table ``[lanes]`` or ``[control]`` of the config. Raises
            ConfigError when one of them is wrong.
    """

    proves_peers: bool = False
    """Whether the transport proves that the other end of a connection holds the secret of :attr:`Peer.key`. Where it
    does not, a machine that connects has to show credentials that the policy takes; all others are refused."""

    needs_broker: bool = False
    """Whether two sides reach each other only by something between them, such as a broker. Clients of a machine with
    such lanes come in by the default transport, unless ``[control]`` names one: so they reach it when the broker is
    away."""

    max_frame: int = 16 * 1024 * 1024
    """The largest frame, in bytes. A peer that sends a larger one is disconnected."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    # -- addresses and keys -------------------------------------------------------------------------------

    def default_address(self, purpose: str, directory: Path) -> str:
        """Returns where to listen when the config names no address.

        Two machines of one computer have two directories, and a machine that starts again has the same one: so its
        address stays the same, where that is possible.

        Args:
            purpose: name of the endpoint, ``stars`` or ``clients``. Each has an address of its own.
            directory: folder of the machine, which only its user may enter.

        Returns:
            an address for :meth:`open`; an empty one lets :meth:`open` choose, which is the default.
        """
        return ""

    def is_local(self, address: str) -> bool:
        """Returns whether only processes of this computer can connect to ``address``, so that process numbers mean
        the same to both sides. False, the default, is always safe; also for a text that is no address."""
        return False

    def works_elsewhere(self, address: str) -> bool:
        """Returns whether other computers may connect to ``address`` as it is written. A machine does not try one that
        does not work elsewhere when another host has announced it. The default: whatever is not :meth:`is_local`."""
        return not self.is_local(address)

    def check_key(self, text: str) -> None:
        """Checks what a user has given as the public key of a machine.

        The default takes every text where the transport proves peers, and none elsewhere.

        Raises:
            BadRequest: ``text`` cannot be a public key of this transport; the hint says how one looks.
        """
        if not self.proves_peers:
            raise BadRequest(
                f"{text!r} cannot be a key: this transport proves no keys",
                hint="machines show credentials instead: `machine_credentials` in the table [lanes] of the config",
            )

    @abc.abstractmethod
    def new_identity(self) -> Identity:
        """Returns a new key pair; one with empty texts when the transport has no keys."""

    # -- connections --------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        """Listens. Several endpoints may be open at once, each with its own receiver.

        Args:
            endpoint: where to listen, and with which key.
            receiver: is told of the peers that connect, and given what they send.

        Returns:
            the address that peers can connect to.

        Raises:
            Unavailable: the address is in use or cannot be used; the text names it and the cure.
            BadRequest: ``endpoint.address`` is not an address.
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
        """Connects to an endpoint.

        Args:
            address: what :meth:`open` returned at the other side.
            receiver: gets what comes over the connection.
            identity: our key pair; a new one when None.
            server_key: the public key that the other side must prove to hold.
            timeout: seconds for all of it.

        Returns:
            the peer. No frame of it reaches the receiver before the caller runs again.

        Raises:
            Unavailable: nobody listens there, or nobody answers in time.
            Unauthorized: the other side does not let our key connect, or does not hold ``server_key``.
            BadRequest: ``address`` is not an address.
        """

    @abc.abstractmethod
    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        """Takes a frame for ``peer``. Frames that are sent in one turn of the event loop travel together.

        Args:
            peer: where the frame goes.
            frame: its content.
            priority: 0 goes first, 4 last, among the frames that have not left yet. Frames of one priority keep their
                order.

        Raises:
            LaneFull: the peer does not keep up; the frame was not taken. See :meth:`drain`.
            TooLarge: the frame is larger than :attr:`max_frame`.
            Unavailable: the connection has ended.
        """

    @abc.abstractmethod
    async def drain(self, peer: Peer) -> None:
        """Returns when :meth:`send` takes frames for ``peer`` again. Raises Unavailable when the connection ends."""

    @abc.abstractmethod
    async def disconnect(self, peer: Peer) -> None:
        """Ends one connection after what was sent has left, within a second. Our receiver gets no ``lane_down``.

        Args:
            peer: the connection. One that has ended already is no error.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Ends everything after what was sent has left, within a second. May be called twice."""

    @abc.abstractmethod
    def abort(self) -> None:
        """Ends everything at once. May be called twice, and after :meth:`close`."""
