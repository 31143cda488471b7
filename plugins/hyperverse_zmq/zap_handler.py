"""ZapHandler: tells ZeroMQ whether a CURVE key may connect to an endpoint, by ZeroMQ's authentication protocol ZAP."""

from __future__ import annotations

import logging

import zmq
from zmq.utils import z85

from .edge import EdgeSocket

__all__ = ["ZapHandler"]

_log = logging.getLogger("hyperverse.lane.zmq")
_ENDPOINT = "inproc://zeromq.zap.01"


class ZapHandler:
    """Answers the requests of one ZeroMQ context. It runs on the event loop, not in a thread, so an endpoint and its
    list of allowed keys never race.

    Each endpoint has its own ZAP domain. The key that a peer proved becomes the ``User-Id`` of every message from it.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._allowed: dict[bytes, frozenset[str] | None] = {}
        socket = context.socket(zmq.ROUTER)
        socket.linger = 0
        socket.bind(_ENDPOINT)
        self._edge = EdgeSocket(socket, self._receive)

    def admit(self, domain: bytes, allow: frozenset[str] | None) -> None:
        """Allows the keys of ``allow`` to connect at ``domain``; every key when it is None."""
        self._allowed[domain] = allow

    def _receive(self) -> None:
        request = self._edge.socket.recv_multipart(zmq.NOBLOCK)
        if len(request) < 8:
            return  # only ZeroMQ itself sends requests here
        asker, _empty, version, number, domain, address = request[:6]
        key = z85.encode(request[8]).decode() if request[7] == b"CURVE" and len(request) > 8 else ""
        allow = self._allowed.get(domain, frozenset())
        welcome = bool(key) and (allow is None or key in allow)
        if not welcome:
            _log.info("endpoint %r refuses the key %r from %r", domain.decode(), key, address.decode(errors="replace"))
        status, text = (b"200", b"OK") if welcome else (b"400", b"key not allowed")
        answer = [asker, b"", version, number, status, text, key.encode() if welcome else b"", b""]
        self._edge.socket.send_multipart(answer, zmq.NOBLOCK)

    def close(self) -> None:
        """Closes the handler. May be called twice."""
        self._edge.close()
