"""ZmqListener: a ROUTER socket that many peers connect to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import zmq

from hyperverse_core.transport import (
    Endpoint,
    LaneReceiver,
    Peer,
    PeerChannel,
    PeerTable,
    RefusalLog,
    guarded_call,
    messages,
)

from .monitor import Monitor
from .newcomers import Newcomers
from .pump import ZmqPump
from .settings import ZmqSettings
from .sockets import Context, Socket

__all__ = ["ZmqListener"]

_log = logging.getLogger("hyperverse.lane.zmq")
_NOBLOCK, _MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)
_SETTLE_SECONDS = (
    0.02,
    0.5,
)  # between the event that a connection has ended and the moment when ZeroMQ knows it, in a busy process
_PROBES_OF_CHANNELS = 5  # every fifth probe, about a second apart, looks for channels whose end was not reported
_LOG_SECONDS = 1.0
_GONE = bytes([messages.GONE])


class ZmqListener(ZmqPump):
    """A socket that many peers connect to.

    The routing id that ZeroMQ assigns to each connection tells the peers apart. The CURVE key that comes with every
    message
    identifies the peer. A peer that chose its own routing id is refused.

    A ROUTER cannot close a single connection. A refused peer gets a BYE, and its messages are dropped from then on.
    """

    def __init__(
        self,
        context: Context,
        socket: Socket,
        address: str,
        endpoint: Endpoint,
        receiver: LaneReceiver,
        settings: ZmqSettings,
        peers: PeerTable,
        name_peer: Callable[[str], str],
    ) -> None:
        self._endpoint = endpoint
        self._refusals = RefusalLog(_log, endpoint.name)
        self._receiver = receiver
        self._name_peer = name_peer
        self._by_route: dict[bytes, PeerChannel] = {}
        self._unwanted: dict[bytes, bytes] = {}
        self._planned: set[float] = set()
        self._probes = 0
        self._newcomers = Newcomers(address, endpoint.name)
        self.full = False
        self._failed = 0
        self._failed_last: asyncio.TimerHandle | None = None
        self._monitor = Monitor(context, socket, self._told)  # first: when it fails, nothing reads the socket yet
        super().__init__(socket, settings, peers)

    def channels(self) -> list[PeerChannel]:
        return list(self._by_route.values())

    def _put(self, route: bytes, message: bytes) -> None:
        socket = self._edge.socket
        socket.send(route, _MORE)
        socket.send(message, _NOBLOCK)

    def _receive(self) -> None:
        socket = self._edge.socket
        head = socket.recv(_NOBLOCK, copy=False)
        route = head.bytes
        key = str(head.get("User-Id"))
        channel = self._by_route.get(route)
        if channel is None:
            self._stranger(route, key, self._read_body(head), _address(head))
            return
        # Our own peers never send a third part, and asking whether there is one costs as much as reading it. A third
        # part is read as a separate message the next time: a message of a stranger, or one with the wrong key for its
        # routing id.
        message = socket.recv(_NOBLOCK) if head.more else b""
        if channel.peer.key == key:
            self.handle(channel, message)
        else:
            self._refusals.note(f"the peer with the key {key!r} uses the routing id of {channel.peer}")

    def _read_body(self, head: zmq.Frame) -> bytes:
        """Returns what follows the routing id; nothing unless it is exactly one part."""
        body = self._edge.socket.recv(_NOBLOCK, copy=False) if head.more else head
        message = body.bytes
        while body.more:
            message = b""
            body = self._edge.socket.recv(_NOBLOCK, copy=False)
        return message

    def _stranger(self, route: bytes, key: str, message: bytes, address: str) -> None:
        if route in self._unwanted or message[:1] == _GONE:
            return  # a GONE from an unknown peer: both sides sent BYE at once, and theirs arrived first
        fault = messages.hello_fault(message) if route[:1] == b"\0" else "it chose its own routing id"
        if fault:
            self._refusals.note(f"the peer with the key {key!r}: {fault}")
            self._refuse(route, fault)
        elif self.full or len(self._by_route) >= self._settings.max_peers:
            self._refuse(route, "it has reached its limit of peers (max_peers)")
        else:
            self._welcome(route, key, address)

    def _welcome(self, route: bytes, key: str, address: str) -> None:
        peer = Peer(self._name_peer(self._endpoint.name), key, self._endpoint.name, address)
        channel = self._settings.new_channel(peer, self._receiver, route).bounded(self._endpoint.unanswered)
        try:
            self._put(route, messages.WELCOME_MESSAGE)
        except zmq.ZMQError as exc:
            _log.debug("endpoint %r: %r connected and disconnected: %s", self._endpoint.name, key, exc)
            return
        self._by_route[route] = channel
        self._peers[peer] = (self, channel)
        guarded_call(_log, self._receiver.lane_up, peer)

    def _refuse(self, route: bytes, reason: str) -> None:
        self._unwanted[route] = messages.goodbye(reason)
        self._remind_unwanted(route)

    def _remind_unwanted(self, route: bytes) -> None:
        """Sends BYE again: a peer whose process was suspended may have missed the first one."""
        try:
            self._put(route, self._unwanted[route])
        except zmq.Again:
            return
        except zmq.ZMQError:  # the connection has finally closed
            del self._unwanted[route]

    def _forget(self, channel: PeerChannel, *, heard_bye: bool) -> None:
        self._by_route.pop(channel.route, None)
        if not heard_bye:
            self._refuse(channel.route, "the other side gave up this connection")

    def probe(self) -> None:
        for route in tuple(self._unwanted):
            self._remind_unwanted(route)
        self._probes += 1
        if self._probes % _PROBES_OF_CHANNELS == 0:
            self._probe_channels()
        super().probe()

    def _told(self, event: int, value: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            self._newcomers.accepted(value)
            return
        if event != zmq.EVENT_DISCONNECTED:
            self._handshake_failed(event, value)
            return
        for seconds in _SETTLE_SECONDS:
            if seconds not in self._planned:
                self._planned.add(seconds)
                self._loop.call_later(seconds, self._probe_now, seconds)

    def _handshake_failed(self, event: int, value: int) -> None:
        """Logs a failed handshake, at most once a second: in a storm there are hundreds."""
        self._failed += 1
        if self._failed == 1:
            self._failed_last = self._loop.call_later(_LOG_SECONDS, self._log_failed)
            _log.info("endpoint %r: a handshake failed (event %#x, %#x)", self._endpoint.name, event, value)

    def _log_failed(self) -> None:
        more, self._failed = self._failed - 1, 0
        self._failed_last = None
        if more:
            _log.info("endpoint %r: %d more handshakes failed within %g s", self._endpoint.name, more, _LOG_SECONDS)

    def _probe_now(self, planned: float) -> None:
        """Probes every channel, because ZeroMQ does not say whose connection ended."""
        self._planned.discard(planned)
        self._probe_channels()
        self._edge.look()

    def _probe_channels(self) -> None:
        """Finds out whether ZeroMQ still has a connection to each peer, by sending an acknowledgement."""
        for channel in self.channels():
            if channel.unsent is None and not channel.closing:
                self._offer(channel, channel.acknowledgement())

    def abort(self) -> None:
        if self._failed_last is not None:
            self._failed_last.cancel()
            self._log_failed()
        self._monitor.close()
        super().abort()


def _address(head: zmq.Frame) -> str:
    """Returns the address that a message comes from; empty for a process on this computer."""
    try:
        return str(head.get("Peer-Address"))
    except zmq.ZMQError:  # a socket file has none
        return ""
