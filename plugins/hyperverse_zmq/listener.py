"""ZmqListener: a ROUTER socket that many peers connect to."""

from __future__ import annotations

import logging
from collections.abc import Callable

import zmq

from hyperverse_core.transport import Endpoint, LaneReceiver, Peer, tell

from .link import Link
from .monitor import Monitor
from .protocol import BYE, GONE, HEAD, HELLO, VERSION, WELCOME
from .pump import Pump, Roster
from .settings import ZmqSettings
from .sockets import Context, Socket

__all__ = ["ZmqListener"]

_log = logging.getLogger("hyperverse.lane.zmq")
_NOBLOCK, _MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)
_SETTLE_SECONDS = (0.02, 0.5)  # between ZeroMQ's news that a connection ended and its own tidying up, in a busy process
_PROBES_OF_LINKS = 5  # probes, about a second apart, of which one asks for links whose end was not told
_GONE = bytes([GONE])
_HELLO = HEAD.pack(HELLO, 0) + VERSION
_WELCOME = HEAD.pack(WELCOME, 0) + VERSION


class ZmqListener(Pump):
    """Peers are told apart by the routing id that ZeroMQ gives each connection; who they are is the CURVE key
    that comes with every message. An id that a peer has chosen itself is not accepted.

    A ROUTER cannot cut one connection: who is not wanted gets a BYE, and is not listened to from then on.
    """

    def __init__(
        self,
        context: Context,
        socket: Socket,
        endpoint: Endpoint,
        receiver: LaneReceiver,
        settings: ZmqSettings,
        roster: Roster,
        name_peer: Callable[[str], str],
    ) -> None:
        self._endpoint = endpoint
        self._receiver = receiver
        self._name_peer = name_peer
        self._by_route: dict[bytes, Link] = {}
        self._unwanted: dict[bytes, bytes] = {}
        self._planned: set[float] = set()
        self._probes = 0
        self.full = False
        self._monitor = Monitor(context, socket, self._told)  # first: when it fails, nothing reads the socket yet
        super().__init__(socket, settings, roster)

    def links(self) -> list[Link]:
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
        link = self._by_route.get(route)
        if link is None:
            self._stranger(route, key, self._read_body(head))
            return
        # Nobody of ours sends a third part, and asking whether there is one costs as much as reading. It would be taken
        # for a message of its own next time: that of a stranger, or with another's routing id and the wrong key.
        message = socket.recv(_NOBLOCK) if head.more else b""
        if link.peer.key == key:
            self._handle(link, message)
        else:
            _log.warning("endpoint %r: %r speaks with the routing id of %s", self._endpoint.name, key, link.peer)

    def _read_body(self, head: zmq.Frame) -> bytes:
        """What follows the routing id; nothing when it is not one part."""
        body = self._edge.socket.recv(_NOBLOCK, copy=False) if head.more else head
        message = body.bytes
        while body.more:
            message = b""
            body = self._edge.socket.recv(_NOBLOCK, copy=False)
        return message

    def _stranger(self, route: bytes, key: str, message: bytes) -> None:
        if route in self._unwanted or message[:1] == _GONE:
            return  # GONE from somebody unknown: both sides have said BYE at once, and we have heard theirs first
        if not message.startswith(_HELLO[: HEAD.size]) or route[:1] != b"\0":
            _log.warning("endpoint %r: %r does not greet as agreed and is not let in", self._endpoint.name, key)
            self._refuse(route, "it did not greet as agreed")
        elif message != _HELLO:
            self._refuse(route, f"another version of the lane protocol is spoken here ({VERSION[0]})")
        elif self.full or len(self._by_route) >= self._settings.max_peers:
            self._refuse(route, "the endpoint takes no more peers")
        else:
            self._welcome(route, key)

    def _welcome(self, route: bytes, key: str) -> None:
        peer = Peer(name=self._name_peer(self._endpoint.name), key=key, endpoint=self._endpoint.name)
        link = Link.make(peer, self._receiver, route, self._settings)
        try:
            self._put(route, _WELCOME)
        except zmq.ZMQError as exc:
            _log.debug("endpoint %r: %r greeted and has gone: %s", self._endpoint.name, key, exc)
            return
        self._by_route[route] = link
        self._roster[peer] = (self, link)
        tell(_log, self._receiver.lane_up, peer)

    def _refuse(self, route: bytes, reason: str) -> None:
        self._unwanted[route] = HEAD.pack(BYE, 0) + reason.encode()
        self._remind_unwanted(route)

    def _remind_unwanted(self, route: bytes) -> None:
        """Says BYE again: a peer that was stopped may have been deaf the first time."""
        try:
            self._put(route, self._unwanted[route])
        except zmq.Again:
            return
        except zmq.ZMQError:  # the connection is gone at last
            del self._unwanted[route]

    def _forget(self, link: Link, *, heard_bye: bool) -> None:
        self._by_route.pop(link.route, None)
        if not heard_bye:
            self._refuse(link.route, "the other side has given this connection up")

    def probe(self) -> None:
        for route in tuple(self._unwanted):
            self._remind_unwanted(route)
        self._probes += 1
        if self._probes % _PROBES_OF_LINKS == 0:
            self._probe_links()
        super().probe()

    def _told(self, event: int, value: int) -> None:
        if event != zmq.EVENT_DISCONNECTED:
            _log.info("endpoint %r: a handshake failed (event %#x, %#x)", self._endpoint.name, event, value)
            return
        for seconds in _SETTLE_SECONDS:
            if seconds not in self._planned:
                self._planned.add(seconds)
                self._loop.call_later(seconds, self._probe_now, seconds)

    def _probe_now(self, planned: float) -> None:
        """ZeroMQ does not say whose connection has ended: ask for each."""
        self._planned.discard(planned)
        self._probe_links()
        self._edge.look()

    def _probe_links(self) -> None:
        """Asks ZeroMQ whether there still is a way to each peer, by sending something."""
        for link in self.links():
            if link.unsent is None and not link.closing:
                self._offer(link, link.acknowledgement())

    def abort(self) -> None:
        self._monitor.close()
        super().abort()
