"""StreamPump: moves the messages of all channels of a transport, and detects dead ones."""

from __future__ import annotations

import asyncio
import logging

from hyperverse_core.transport import ChannelPump, PeerChannel, PeerTable, messages

from .busy_poll import BusyPoll
from .framed import read_buffer
from .link import StreamLink
from .settings import StreamSettings

__all__ = ["StreamPump"]

_log = logging.getLogger("hyperverse.lane.stream")
_GIVEN_UP = messages.goodbye("the other side gave up this connection")


class StreamPump(ChannelPump):
    """Moves the messages of all channels of a transport. The route of a channel is its link.

    Attributes:
        links: all connections, including those whose keys are not proven yet.
        buffer: the buffer that each of them reads into.
        ended: whether everything was ended: a connection that arrives now belongs to nobody.
    """

    def __init__(self, settings: StreamSettings, peers: PeerTable) -> None:
        super().__init__(_log, peers)
        self.links: set[StreamLink] = set()
        self.buffer = read_buffer()
        self.ended = False
        self._settings = settings
        self._polling = BusyPoll(self._loop, settings.busy_poll)
        self._timer: asyncio.TimerHandle | None = None
        self._ticked = self._loop.time()
        self._plan_tick()

    def add(self, channel: PeerChannel) -> None:
        """Starts to move the messages of a new channel."""
        self._peers[channel.peer] = (self, channel)

    def rested(self) -> None:
        """Everything that arrived is handled. The tasks that it woke run next, and what they send leaves right after
        them: this saves one turn of the loop for each answer."""
        self._polling.arrived += 1
        if self._heard:
            self._heard = False
            if not self._flush_planned:
                self._flush_planned = True  # as `_plan_flush` does, without the call
                self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._awake:
            self._push_awake()
            self._polling.begin()

    def _offer(self, channel: PeerChannel, message: bytes) -> bool:
        link: StreamLink = channel.route
        if link.paused:
            channel.unsent = message
            return False
        channel.unsent = None
        link.send(message)
        return not channel.gone

    def _say(self, channel: PeerChannel, message: bytes) -> None:
        channel.route.send(message)

    def _forget(self, channel: PeerChannel, *, heard_bye: bool) -> None:
        if not heard_bye:
            channel.route.send(_GIVEN_UP)
        channel.route.close()

    def channels(self) -> list[PeerChannel]:
        return [channel for _, channel in self._peers.values()]

    # -- heartbeats ---------------------------------------------------------------------------------------

    def _plan_tick(self) -> None:
        self._timer = self._loop.call_later(self._settings.heartbeat_interval, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        late = now - self._ticked > 2 * self._settings.heartbeat_interval
        passed, self._ticked = now - self._ticked, now
        for link in tuple(self.links):
            # We paused and have not read what arrived meanwhile, so no peer is judged.
            self._look_at(link, 0.0 if late else passed)
        self._plan_tick()

    def _look_at(self, link: StreamLink, passed: float) -> None:
        link.age += passed
        link.silent = 0.0 if link.heard else link.silent + passed
        if link.heard:
            link.heard = link.waited_for = False
        channel = link.channel
        if channel is None:
            if link.age > self._settings.handshake_timeout:
                link.fault(f"it has not proven its key within {self._settings.handshake_timeout:g} s")
        elif link.silent > self._settings.heartbeat_timeout and not self._is_blocked(link):
            self.end(channel, f"nothing was heard from it for {link.silent:.1f} s")
        elif not link.said and not link.paused and channel.unsent is None:
            link.send(channel.acknowledgement())
        link.said = False

    def _is_blocked(self, link: StreamLink) -> bool:
        """Whether the other side is silent because something blocks its event loop. The system reports the end of its
        process at once, and whether it is suspended, so nothing is lost by waiting. If it is a machine, its lease ends
        meanwhile: the others take over its work."""
        if link.silent > self._settings.blocked_timeout or not link.process.runs():
            return False
        if not link.waited_for:
            link.waited_for = True
            said = "%s has said nothing for %.1f s, but its process %d runs: its event loop is blocked"
            _log.info(said, link.channel and link.channel.peer, link.silent, link.process.pid)
        return True

    def abort(self) -> None:
        self.ended = True
        self._polling.end()
        super().abort()
        for link in tuple(self.links):
            link.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
