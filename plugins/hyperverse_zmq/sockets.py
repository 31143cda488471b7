"""The socket options that listeners and connections share."""

from __future__ import annotations

import zmq

from hyperverse_core.transport import messages

from .settings import ZmqSettings

__all__ = ["Context", "Socket", "configure"]

Context = zmq.Context[zmq.Socket[bytes]]
Socket = zmq.Socket[bytes]

_SEND_MARK = 128  # twice a channel's window; with fewer, ZeroMQ wakes us without need to say that there is room
_RECEIVE_MARK = 256  # more than a peer that keeps to its window can have in flight


def configure(socket: Socket, settings: ZmqSettings, *, ipv6: bool) -> None:
    """Sets what must be set before the socket binds or connects."""
    timeout = int(settings.heartbeat_timeout * 1000)
    socket.linger = 0
    socket.sndhwm = _SEND_MARK
    socket.rcvhwm = _RECEIVE_MARK
    socket.setsockopt(zmq.MAXMSGSIZE, messages.LARGEST_MESSAGE)
    socket.setsockopt(zmq.HEARTBEAT_IVL, int(settings.heartbeat_interval * 1000))
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, timeout)
    socket.setsockopt(zmq.HEARTBEAT_TTL, timeout)
    socket.setsockopt(zmq.IPV6, int(ipv6))
