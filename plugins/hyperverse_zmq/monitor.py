"""Monitor: reports events on the connections of a socket: accepted, failed handshake, ended."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

import zmq

from .edge import EdgeSocket

__all__ = ["HANDSHAKE_FAILED", "Monitor"]

HANDSHAKE_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_WATCHED = HANDSHAKE_FAILED | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_EVENT = struct.Struct("=hi")
_numbers = itertools.count(1)


class Monitor:
    """Watches one socket.

    Args:
        context: the context of the socket.
        socket: the socket to watch; it must not have connected yet.
        told: called with the event (``zmq.EVENT_...``) and its value, not before the next turn of the event loop.

    Raises ``zmq.ZMQError`` when there is no file descriptor left.
    """

    __slots__ = ("_edge", "_told", "_watched")

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], told: Callable[[int, int], None]
    ) -> None:
        address = f"inproc://monitor-{next(_numbers)}"
        socket.monitor(address, _WATCHED)
        self._watched = socket
        self._told = told
        try:
            pair = context.socket(zmq.PAIR)
        except zmq.ZMQError:
            socket.disable_monitor()
            raise
        pair.linger = 0
        pair.connect(address)
        self._edge = EdgeSocket(pair, self._receive)

    def _receive(self) -> None:
        event, _endpoint = self._edge.socket.recv_multipart(zmq.NOBLOCK)
        number, value = _EVENT.unpack_from(event)
        self._told(number, value)

    def close(self) -> None:
        """Must be called before the watched socket is closed. May be called twice."""
        if not self._watched.closed:
            self._watched.disable_monitor()
        self._edge.close()
