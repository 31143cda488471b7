"""LaneTransport: moves opaque frames between machines, and between a machine and its clients.

A transport knows nothing of stars or waves. It owns its addresses and its keys: no other code parses them. It proves
who a peer is, if it can; other code decides what the peer may do.
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
    """Where a transport listens, and for which peers.

    Attributes:
        name: what it is for, ``stars`` or ``clients``; it appears in logs.
        address: where to listen, in the notation of the transport; empty lets the transport choose.
        identity: the key pair that the transport proves to peers.
        allow: public keys that may connect; None lets every key connect.
        unanswered: maximum number of bytes in unfinished frames of a peer to which nothing was sent yet, since until
            then it may be anybody; 0 for no limit except :attr:`LaneTransport.max_frame`. A peer that exceeds it is
            disconnected. A transport that keeps no unfinished frames can ignore it.
    """

    name: str
    address: str
    identity: Identity = attrs.field(factory=Identity)
    allow: frozenset[str] | None = None
    unanswered: int = 0


@attrs.frozen(eq=False)
class Peer:
    """The other end of one connection, for as long as the connection lasts. Compared by identity.

    Attributes:
        name: unique among the peers of a transport object, for logs.
        key: the public key that the peer has proved to hold; see :attr:`LaneTransport.proves_peers`. Empty when it
            proved none.
        endpoint: name of our endpoint to which it connected; empty for a connection that we made.
        address: the address of its host, without a port, as in ``192.0.2.7``; empty when the transport does not know
            it, as for a process of this computer. Wrong tokens are counted per address.
    """

    name: str
    key: str = ""
    endpoint: str = ""
    address: str = ""


class LaneReceiver(Protocol):
    """The callbacks of a transport.

    The calls come on the event loop, one after another, and not before ``open`` or ``connect`` was called. None of them
    may block. The transport logs their exceptions, and continues.
    """

    def lane_up(self, peer: Peer) -> None:
        """A peer has connected to an endpoint. (For a connection that we made, ``connect`` returns the peer.)

        Args:
            peer: the new connection.
        """

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """``frames`` have arrived from ``peer``, in the order in which they were sent."""

    def lane_down(self, peer: Peer, reason: str) -> None:
        """The connection has ended, and ``reason`` says why: nothing more arrives from ``peer``, and nothing reaches
        it.

        Called once for each peer, also for one that ``connect`` returned, but not for one that we disconnected.
        """


class LaneTransport(abc.ABC):
    """Contract of a transport.

    Delivery: the frames of one peer arrive in the order in which they were sent, each once, whole and unchanged. When
    the connection is lost, the frames after some point do not arrive, and both sides get a ``lane_down`` within a few
    seconds, even when the peer's process was stopped or its computer died. A transport does not reconnect by itself.

    A transport is made and used inside one running event loop, except for :meth:`default_address`, :meth:`is_local`,
    :meth:`check_key` and :meth:`new_identity`, which also work without one.

    Args:
        settings: the transport's own settings, from the table ``[lanes]`` or ``[control]`` of the configuration. Raises
            ConfigError when one of them is wrong.
    """

    proves_peers: bool = False
    """Whether the transport proves that the other end of a connection holds the secret of :attr:`Peer.key`. If it does
    not, a machine that connects must present credentials that the policy accepts; all others are refused."""

    needs_broker: bool = False
    """Whether two sides reach each other only through an intermediary, such as a broker. Clients of a machine with such
    lanes connect by the default transport, unless ``[control]`` names another: so they reach it when the broker is
    down."""

    max_frame: int = 16 * 1024 * 1024
    """Maximum size of a frame in bytes. A peer that sends a larger one is disconnected."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    # -- addresses and keys -------------------------------------------------------------------------------

    def default_address(self, purpose: str, directory: Path) -> str:
        """Returns the address to listen on when the configuration names none.

        Two machines of one computer have two directories, and a restarted machine has the same one: so its address
        stays the same, where that is possible.

        Args:
            purpose: name of the endpoint, ``stars`` or ``clients``. Each has an address of its own.
            directory: directory of the machine, which only its user may enter.

        Returns:
            an address for :meth:`open`; an empty one lets :meth:`open` choose, which is the default.
        """
        return ""

    def is_local(self, address: str) -> bool:
        """Returns whether only processes of this computer can connect to ``address``, so that process numbers mean
        the same to both sides. False, the default, is always safe; return it also for a text that is not an address."""
        return False

    def works_elsewhere(self, address: str) -> bool:
        """Returns whether other computers may connect to ``address`` as it is written. A machine does not try an
        address that does not work elsewhere when another host has announced it. The default: every address that is not
        :meth:`is_local`."""
        return not self.is_local(address)

    def check_key(self, text: str) -> None:
        """Checks a text that a user has entered as the public key of a machine.

        The default accepts every text if the transport proves peers, and none otherwise.

        Raises:
            BadRequest: ``text`` cannot be a public key of this transport; the hint describes a valid key.
        """
        if not self.proves_peers:
            raise BadRequest(
                f"{text!r} cannot be a key: this transport proves no keys",
                hint="machines show credentials instead: `machine_credentials` in the table [lanes] of the config",
            )

    @abc.abstractmethod
    def new_identity(self) -> Identity:
        """Returns a new key pair, with empty texts when the transport has no keys."""

    # -- connections --------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        """Listens. Several endpoints may be open at once, each with its own receiver.

        Args:
            endpoint: where to listen, and with which key.
            receiver: notified of the peers that connect, and gets the frames that they send.

        Returns:
            the address that peers can connect to.

        Raises:
            Unavailable: the address is in use or cannot be used; the message names it and the remedy.
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
            receiver: gets the frames that arrive over the connection.
            identity: our key pair; a new one when None.
            server_key: the public key that the other side must prove to hold.
            timeout: seconds for the whole attempt.

        Returns:
            the peer. None of its frames reaches the receiver before the caller runs again.

        Raises:
            Unavailable: nobody listens there, or nobody answers in time.
            Unauthorized: the other side does not admit our key, or does not hold ``server_key``.
            BadRequest: ``address`` is not an address.
        """

    @abc.abstractmethod
    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        """Accepts a frame for ``peer``. Frames that are sent in one turn of the event loop travel together.

        Args:
            peer: where the frame goes.
            frame: its content.
            priority: 0 goes first, 4 last, among the frames that have not left yet. Frames of the same priority keep
                their order.

        Raises:
            LaneFull: the peer does not keep up; the frame was not accepted. See :meth:`drain`.
            TooLarge: the frame is larger than :attr:`max_frame`.
            Unavailable: the connection has ended.
        """

    @abc.abstractmethod
    async def drain(self, peer: Peer) -> None:
        """Returns when :meth:`send` accepts frames for ``peer`` again. Raises Unavailable when the connection ends.
        Many may wait at once, and one that gives up leaves the others alone."""

    @abc.abstractmethod
    async def disconnect(self, peer: Peer) -> None:
        """Ends one connection after the frames that were sent have left, within a second, whether or not the peer reads
        them. Our receiver gets no ``lane_down``, and nothing more from ``peer`` once this has returned. It can be
        called again, also when its caller was cancelled.

        Args:
            peer: the connection. It is not an error if it has ended already.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Ends everything after the frames that were sent have left, within a second. May be called twice, also when
        its caller was cancelled."""

    @abc.abstractmethod
    def abort(self) -> None:
        """Ends everything at once. May be called twice, and after :meth:`close`."""
