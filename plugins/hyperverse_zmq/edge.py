"""EdgeSocket: one ZeroMQ socket on the event loop, and the only place that knows the rules of its descriptor.

A ZeroMQ descriptor becomes readable once when *commands* have arrived for the socket, and not again until they have
been fetched. Every call on the socket may fetch them, even a ``send``, and then nothing reports that a message is
waiting. Hence two rules. Do not stop reading before the socket itself says that it has nothing. After every other use
of the socket, ask it again, and come back if it has something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import zmq

__all__ = ["EdgeSocket"]

_BURST = 16  # messages (each may hold a thousand frames) in one turn of the loop; then others may run
_BURST_SECONDS = 0.01  # the same for messages of megabytes: sixteen of them take a quarter of a second
_EVENTS, _POLLIN = int(zmq.EVENTS), int(zmq.POLLIN)  # plain numbers: arithmetic on enums costs a microsecond


class EdgeSocket:
    """Reads a socket whenever there is something to read.

    Attributes:
        busy: whether a turn is under way; what is sent meanwhile leaves at its end.

    Args:
        socket: the socket, owned by this object from now on.
        receive: reads one message without waiting and handles it; raises ``zmq.Again`` when there is none.
        rested: called after each turn of reading: time to answer, and there may be room to send again. Returns whether
            it will call :meth:`look` itself, before the event loop waits.
    """

    __slots__ = ("_closed", "_descriptor", "_loop", "_receive", "_rested", "_scheduled", "busy", "socket")

    def __init__(
        self, socket: zmq.Socket[bytes], receive: Callable[[], None], rested: Callable[[], bool] | None = None
    ) -> None:
        self.socket = socket
        self._receive = receive
        self._rested = rested
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._scheduled = False
        self._closed = False
        self.busy = False
        # Nearly always one message has arrived: whether there are more is asked once, after it.
        self._loop.add_reader(self._descriptor, self._turn, 1)
        self._schedule()  # the first edge may have passed already

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._scheduled_turn)

    def _scheduled_turn(self) -> None:
        self._scheduled = False
        self._turn(_BURST)

    def _turn(self, messages: int) -> None:
        self.busy, looks = True, False
        until = monotonic() + _BURST_SECONDS if messages > 1 else 0.0
        try:
            try:
                while not self._closed:
                    self._receive()
                    messages -= 1
                    if (
                        not messages
                        or self._closed
                        or (messages > 1 and monotonic() > until)
                        or not int(self.socket.getsockopt(_EVENTS)) & _POLLIN
                    ):
                        break
            except zmq.Again:
                pass  # everything is read
            if self._rested is not None and not self._closed:
                looks = self._rested()
        finally:
            self.busy = False
            if not looks:
                self.look()

    def read_all(self) -> None:
        """Reads everything that has arrived, now."""
        try:
            while not self._closed:
                self._receive()
        except zmq.Again:
            return

    def look(self) -> None:
        """Must be called after sending, once in each turn."""
        if not self._closed and int(self.socket.getsockopt(_EVENTS)) & _POLLIN:
            self._schedule()

    def close(self, linger_ms: int = 0) -> None:
        """Closes the socket; may be called twice, also from ``receive``."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._descriptor)
        self.socket.close(linger_ms)
