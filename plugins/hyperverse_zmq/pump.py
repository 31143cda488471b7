"""ZmqPump: moves the messages of all channels that share one socket, and detects dead ones."""

from __future__ import annotations

import abc
import asyncio
import logging

import zmq

from hyperverse_core.transport import ChannelPump, PeerChannel, PeerTable

from .edge import EdgeSocket
from .settings import ZmqSettings

__all__ = ["ZmqPump"]

_RETRY_SECONDS = 0.005  # see _retry_soon

_log = logging.getLogger("hyperverse.lane.zmq")


class ZmqPump(ChannelPump):
    """What listeners and connections have in common.

    ZeroMQ's own thread detects by heartbeats whether a peer is alive. So a peer whose event loop is busy for a while is
    not taken for dead, and neither are we.
    """

    def __init__(self, socket: zmq.Socket[bytes], settings: ZmqSettings, peers: PeerTable) -> None:
        super().__init__(_log, peers)
        self._settings = settings
        self._blocked: dict[PeerChannel, None] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._edge = EdgeSocket(socket, self._receive, self._rested)

    @abc.abstractmethod
    def _receive(self) -> None:
        """Reads one message and handles it; raises ``zmq.Again``."""

    @abc.abstractmethod
    def _put(self, route: bytes, message: bytes) -> None:
        """Gives a message to ZeroMQ, or raises ``zmq.ZMQError``."""

    def wake(self, channel: PeerChannel) -> None:
        if channel.awake:
            return
        channel.awake = True
        self._awake.append(channel)
        if not self._flush_planned and not self._edge.busy:  # it calls _rested at the end of its turn
            self._plan_flush()

    def _rested(self) -> bool:
        """Called once everything that arrived is read. The tasks that it woke run next, and what they send leaves right
        after them: this saves one turn of the loop for each answer."""
        if self._heard:
            self._heard = False
            if not self._flush_planned:
                self._plan_flush()
        if self._awake:
            self._push_awake()
        if self._blocked:
            self._push_blocked()
        return self._flush_planned

    def _flush(self) -> None:
        self._flush_planned = False
        if self._awake:
            self._push_awake()
        if self._blocked:
            self._push_blocked()
        self._edge.look()

    def _push_blocked(self) -> None:
        for channel in tuple(self._blocked):
            self._push(channel)

    def _offer(self, channel: PeerChannel, message: bytes) -> bool:
        try:
            self._put(channel.route, message)
        except zmq.Again:
            channel.unsent = message
            self._blocked[channel] = None
            self._retry_soon()
            return False
        except zmq.ZMQError as exc:
            _log.debug("%s: %s", channel.peer, exc)
            self.end(channel, "the connection is lost")
            return False
        channel.unsent = None
        self._blocked.pop(channel, None)
        return True

    def _retry_soon(self) -> None:
        """Looks again soon. A call for another peer may fetch the command that says "there is room again", and then the
        descriptor stays silent. So while a channel is blocked, the pump polls on its own."""
        if self._retry is None:
            self._retry = self._loop.call_later(_RETRY_SECONDS, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self._flush()

    def _say(self, channel: PeerChannel, message: bytes) -> None:
        try:
            self._put(channel.route, message)
        except zmq.ZMQError as exc:
            _log.debug("%s sent BYE and is gone already: %s", channel.peer, exc)

    def end(self, channel: PeerChannel, reason: str, *, heard_bye: bool = False) -> None:
        self._blocked.pop(channel, None)
        super().end(channel, reason, heard_bye=heard_bye)

    def probe(self) -> None:
        """Called about once a second: finds what was missed because a descriptor stayed silent."""
        self._edge.look()

    def abort(self) -> None:
        """Ends all channels and closes the socket, at once. May be called twice."""
        super().abort()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._edge.close()
