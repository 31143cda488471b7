"""The waves of a client that wait for a reply. This module determines their order, and which are sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import attrs

from ..errors import HyperverseError, LaneFull, TimedOut, Unavailable
from ..protocol.frame_bytes import encode_frame
from ..protocol.frames import ClientPingFrame, ClientRippleFrame, ClientSignalFrame
from ..protocol.repeats import HARMLESS
from ..scheduling.priority_queue import PriorityQueue
from ..universe.waves.wave import Echo, Outcome, Pong
from .connection import ClientConnection

__all__ = ["Pending", "PendingWaves"]

_GRACE = 0.25
"""Seconds that a reply may still take to arrive after the machine's own time limit."""


@attrs.define(eq=False)
class Pending:
    """One wave.

    Attributes:
        frame: the frame to send.
        future: receives the reply; for a Ripple once the last echo has arrived.
        deadline: time of the event loop after which nobody waits.
        retries: number of times that it may still be sent again after the connection was lost.
        echoes: for a Ripple, the echoes that have arrived so far; None for other waves.
        sends: number of times that it was sent.
        in_flight: whether it was sent over the current connection.
    """

    frame: ClientPingFrame | ClientSignalFrame | ClientRippleFrame
    future: asyncio.Future[Pong]
    deadline: float
    retries: int = 0
    echoes: list[Echo] | None = None
    sends: int = 0
    in_flight: bool = False
    timer: asyncio.TimerHandle | None = None


class PendingWaves:
    """All waves that wait for a reply. Waves of one priority are sent in the order in which they were put, after those
    of higher priorities.

    A machine accepts a limited number of a client's waves at once; the others wait here. While there is no connection
    all of them wait.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._by_id: dict[str, Pending] = {}
        self._queue: PriorityQueue[Pending] = PriorityQueue()
        self._in_flight = 0
        self._window = 0
        self._connection: ClientConnection | None = None
        self._life = ""
        self._drainer: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._by_id)

    # -- the connection -----------------------------------------------------------------------------------

    def connected(self, connection: ClientConnection, window: int, life: str) -> None:
        """Called when the client is connected.

        Args:
            connection: sends the waves from now on.
            window: number of waves that the machine accepts at once.
            life: identifies the process of the machine. A wave that was sent to another process is not sent again,
                because this process does not know whether it ran.
        """
        self._connection = connection
        self._window = window
        if life != self._life:
            self._life = life
            for pending in [p for p in self._queue if p.sends and p.frame.method not in HARMLESS]:
                self._settle(pending, Pong(503, {"error": "the machine that had it is gone"}, outcome=Outcome.UNKNOWN))
        self._pump()

    def disconnected(self, why: str) -> None:
        """Called when the connection is lost, for the reason ``why``. A wave that was sent over it may have run; it is
        sent again if its ``retries`` allow it."""
        self._connection = None
        self._stop_draining()
        sent = [pending for pending in self._by_id.values() if pending.in_flight]
        self._in_flight = 0
        again: list[Pending] = []
        for pending in sent:
            pending.in_flight = False
            if pending.retries > 0:
                pending.retries -= 1
                again.append(pending)
            else:
                self._settle(pending, Pong(503, {"error": why}, outcome=Outcome.UNKNOWN))
        for pending in reversed(again):
            self._queue.put_back(pending, pending.frame.priority)

    def give_up(self, error: HyperverseError) -> None:
        """Stops sending: every wave ends with ``error``."""
        self._connection = None
        self._stop_draining()
        for pending in list(self._by_id.values()):
            reply = Pong.failure(error, Outcome.UNKNOWN if pending.sends else Outcome.REJECTED)
            self._settle(pending, reply)
        self._queue.clear()

    # -- waves --------------------------------------------------------------------------------------------

    def put(self, pending: Pending) -> None:
        """Sends a wave now, or as soon as that is possible. Raises BadRequest when its body cannot be sent."""
        encoded = encode_frame(pending.frame)
        self._by_id[pending.frame.id] = pending
        pending.timer = self._loop.call_at(pending.deadline + _GRACE, self._expire, pending)
        if self._queue or self._connection is None or self._in_flight >= self._window:
            self._queue.put(pending, pending.frame.priority)
        else:
            self._send(pending, encoded)

    def forget(self, pending: Pending) -> None:
        """Drops a wave, because nobody waits for its reply any more."""
        if self._by_id.pop(pending.frame.id, None) is not None:
            self._left(pending)

    def answered(self, reply: Pong) -> None:
        """Called when the reply to a wave has arrived."""
        pending = self._by_id.get(reply.id)
        if pending is not None:
            reply.attempts = max(1, reply.attempts + pending.sends - 1)
            self._settle(pending, reply)

    def echoed(self, wave: str, echoes: Iterable[Echo], *, last: bool) -> None:
        """Called when echoes of the Ripple with the id ``wave`` have arrived; ``last`` is true if there are no more."""
        pending = self._by_id.get(wave)
        if pending is None or pending.echoes is None:
            return
        pending.echoes.extend(echoes)
        if last:
            self._settle(pending, Pong(200, None, id=wave))

    def _expire(self, pending: Pending) -> None:
        wait = pending.frame.to if isinstance(pending.frame.to, str) else "the recipients"
        if pending.sends:
            error: HyperverseError = TimedOut(f"no answer from {wait!r} to {pending.frame.method} in time")
            self._settle(pending, Pong.failure(error, Outcome.UNKNOWN))
        else:
            error = Unavailable(f"no machine accepted {pending.frame.method} for {wait!r} in time", retry_after=1.0)
            self._settle(pending, Pong.failure(error))

    def _settle(self, pending: Pending, reply: Pong) -> None:
        if self._by_id.pop(pending.frame.id, None) is None:
            return
        if not reply.id:
            reply.id = pending.frame.id
            reply.attempts = max(1, pending.sends)
        if not pending.future.done():
            pending.future.set_result(reply)
        self._left(pending)

    def _left(self, pending: Pending) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        if pending.in_flight:
            pending.in_flight = False
            self._in_flight -= 1
            if self._queue:
                self._pump()

    # -- sending ------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        while self._queue and self._connection is not None and self._in_flight < self._window:
            pending = self._queue.take()
            if pending.frame.id not in self._by_id:
                continue  # it was dropped
            left = pending.deadline - self._loop.time()
            pending.frame.wait = max(1e-9, left)
            try:
                encoded = encode_frame(pending.frame)
            except HyperverseError as exc:  # its body was changed meanwhile; this must not delay the others
                self._settle(pending, Pong.failure(exc))
                continue
            if not self._send(pending, encoded):
                return

    def _send(self, pending: Pending, encoded: bytes) -> bool:
        """Sends a wave. Returns whether the connection accepts more."""
        connection = self._connection
        assert connection is not None
        try:
            connection.transmit(connection.peer, encoded, priority=pending.frame.priority)
        except LaneFull:
            self._queue.put_back(pending, pending.frame.priority)
            if self._drainer is None:
                self._drainer = self._loop.create_task(self._drain(connection))
            return False
        except Unavailable:  # the connection is about to be reported lost
            self._queue.put_back(pending, pending.frame.priority)
            self._connection = None
            return False
        except HyperverseError as exc:  # too large for any lane
            self._settle(pending, Pong.failure(exc))
            return True
        pending.sends += 1
        pending.in_flight = True
        self._in_flight += 1
        return True

    async def _drain(self, connection: ClientConnection) -> None:
        try:
            await connection.transport.drain(connection.peer)
        except Unavailable:
            return
        self._drainer = None
        self._pump()

    def _stop_draining(self) -> None:
        if self._drainer is not None:
            self._drainer.cancel()
            self._drainer = None
