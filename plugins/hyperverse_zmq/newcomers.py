"""Newcomers: turns new connections away at once while the process is almost out of file descriptors.

ZeroMQ can neither stop accepting without ending established connections, nor continue when no descriptor is left to
accept with. So the sockets of newcomers are shut down, and ZeroMQ closes them. Established connections are not touched.
"""

from __future__ import annotations

import logging
import socket
import time

from hyperverse_core.transport import room_for_connections

__all__ = ["Newcomers"]

_log = logging.getLogger("hyperverse.lane.zmq")
_COUNT_EVERY = 16  # counting descriptors takes as long as accepting some connections
_COUNT_AGAIN = 0.05  # seconds, while crowded: then the next newcomer is admitted if others have gone


class Newcomers:
    """Admits connections to one endpoint.

    Args:
        address: address of the endpoint, in the notation of ZeroMQ.
        name: name of the endpoint, for the log.
    """

    def __init__(self, address: str, name: str) -> None:
        self._path = address.removeprefix("ipc://") if address.startswith("ipc://") else ""
        self._name = name
        self._room = 0
        self._until_count = 0
        self._crowded = False
        self._counted_at = 0.0

    def accepted(self, descriptor: int) -> None:
        """Handles a connection that ZeroMQ has accepted."""
        self._room -= 1
        self._until_count -= 1
        if self._has_to_count():
            self._count()
        if self._crowded:
            self._send_away(descriptor)

    def _has_to_count(self) -> bool:
        if self._crowded:
            return time.monotonic() - self._counted_at >= _COUNT_AGAIN
        return self._until_count <= 0 or self._room <= 0

    def _count(self) -> None:
        self._until_count, self._counted_at = _COUNT_EVERY, time.monotonic()
        self._room = room_for_connections()
        crowded = self._room <= 0
        if crowded and not self._crowded:
            _log.error(
                "endpoint %r accepts no connections: the process is almost out of file descriptors (see `ulimit -n`)",
                self._name,
            )
        elif self._crowded and not crowded:
            _log.warning("endpoint %r accepts connections again", self._name)
        self._crowded = crowded

    def _send_away(self, descriptor: int) -> None:
        """Shuts a connection down. Checks first whether ZeroMQ closed it meanwhile: its number may belong to another
        one now."""
        try:
            newcomer = socket.socket(fileno=descriptor)
        except OSError:
            return
        try:
            if not self._path or newcomer.getsockname() == self._path:
                newcomer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it closed on its own
        finally:
            newcomer.detach()
