"""NatsPump: moves the messages of all channels of a transport, and detects dead ones."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import Final

from hyperverse_core.errors import ProtocolError
from hyperverse_core.transport import ChannelPump, PeerChannel, PeerTable, messages

from .link import NatsLink
from .session import FULL, NatsSession
from .settings import SMALLEST_BATCH, NatsSettings

__all__ = ["NatsPump"]

_log = logging.getLogger("hyperverse.lane.nats")
_GIVEN_UP: Final = messages.goodbye("the other side gave up this connection")
_WINDOW: Final = struct.Struct("<BI")
_WINDOW_KIND: Final = 16
"""A message on top of those that all channels have: the number of bytes that may be in flight from now on."""
_STUCK: Final = 3.0
"""When no confirmation arrives for this many times the heartbeat timeout, what was sent counts as lost."""


class NatsPump(ChannelPump):
    """Moves the messages of all channels of a transport. The route of a channel is its link.

    Args:
        settings: settings of the transport.
        peers: the transport's table of peers.
        dropped: called with each link that ends.

    Attributes:
        session: the connection to the server; None while there is none.
        links: by id, the links of this session whose keys are proven on both sides, or on this side only.
    """

    def __init__(self, settings: NatsSettings, peers: PeerTable, dropped: Callable[[NatsLink], None]) -> None:
        super().__init__(_log, peers)
        self.session: NatsSession | None = None
        self.links: dict[bytes, NatsLink] = {}
        self._settings = settings
        self._limits = settings.limits
        self._dropped = dropped
        self._blocked: dict[PeerChannel, None] = {}
        self._window = self._limits.window(1)
        self._warned = False
        self._ticked = self._loop.time()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(self._limits.heartbeat_interval, self._tick)

    @property
    def window(self) -> int:
        """Bytes that the next peer may have in flight to us."""
        return self._limits.window(len(self.links) + 1)

    def add(self, link: NatsLink) -> None:
        """Starts to move the messages of a link."""
        self.links[link.id] = link
        self._share_window()

    def begin(self, link: NatsLink, channel: PeerChannel, theirs: int) -> None:
        """Starts a link whose keys are proven.

        Args:
            link: the link.
            channel: the channel that the link carries.
            theirs: bytes that may be in flight to the other side.
        """
        link.channel, link.largest = channel, channel.batch_bytes
        channel.granted_bytes = self._window
        self._bound(channel, theirs)
        self._peers[channel.peer] = (self, channel)

    def drop(self, link: NatsLink) -> None:
        """Forgets a link."""
        if self.links.pop(link.id, None) is not None:
            if self.session is not None:
                self.session.unwatch(link.watched)
            self._dropped(link)
            self._share_window()

    def _share_window(self) -> None:
        """Shares the window. All peers together may fill a part of what the server buffers for us: each new peer makes
        the share of the others smaller."""
        window = self._limits.window(len(self.links))
        if window == self._window:
            return
        self._window = window
        told = _WINDOW.pack(_WINDOW_KIND, window)
        for link in self.links.values():
            if link.channel is not None and not link.channel.gone:
                link.channel.granted_bytes = window
                self._say(link.channel, told)

    @staticmethod
    def _bound(channel: PeerChannel, window: int) -> None:
        link: NatsLink = channel.route
        channel.window_bytes = window
        # A message larger than the window is sent anyway, so it must not be much larger.
        channel.batch_bytes = min(link.largest, max(SMALLEST_BATCH, window // 4))

    # -- out ----------------------------------------------------------------------------------------------

    def _plan_flush(self) -> None:
        if self.session is not None:
            self._flush_planned = True
            self.session.wake()

    def before(self) -> None:
        """The session is about to write: sends what was put in during this turn of the loop."""
        self._flush_planned = False
        self._push_awake()

    def after(self) -> None:
        """The session has written: there is room again."""
        while self._blocked:
            blocked, self._blocked = self._blocked, {}
            for channel in blocked:
                self._push(channel)
            if self._blocked:
                return

    def _offer(self, channel: PeerChannel, message: bytes) -> bool:
        session = self.session
        if session is None or session.waiting > FULL:
            channel.unsent = message
            self._blocked[channel] = None
            return False
        channel.unsent = None
        link: NatsLink = channel.route
        session.put(link.out, link.seal(message))
        return True

    def _say(self, channel: PeerChannel, message: bytes) -> None:
        link: NatsLink = channel.route
        if self.session is not None:
            self.session.put(link.out, link.seal(message))

    def _forget(self, channel: PeerChannel, *, heard_bye: bool) -> None:
        if not heard_bye:
            self._say(channel, _GIVEN_UP)
        self._blocked.pop(channel, None)
        self.drop(channel.route)

    def channels(self) -> list[PeerChannel]:
        return [channel for _, channel in self._peers.values()]

    # -- in -----------------------------------------------------------------------------------------------

    def take(self, link: NatsLink, sealed: bytes) -> bytes | None:
        """Takes a message for a link. Returns it decrypted; None when it does not come from the other side, or when
        earlier messages are missing."""
        try:
            message = link.open(sealed)
        except ProtocolError as exc:
            if link.channel is None:
                self.drop(link)
            else:
                self.end(link.channel, f"messages are missing: {exc}")
            return None
        if message is None:
            if not self._warned:
                self._warned = True
                _log.warning("ignored a message of a third party, or a replayed one, on an existing connection")
            return None
        link.heard = self._loop.time()
        return message

    def carry(self, channel: PeerChannel, message: bytes) -> None:
        """Handles a message of a channel."""
        if message[:1] == bytes([_WINDOW_KIND]) and len(message) == _WINDOW.size:
            self._bound(channel, _WINDOW.unpack(message)[1])
            self.wake(channel)
            return
        self.handle(channel, message)
        if self._heard:
            # The tasks that it woke run next, and what they send leaves right after them.
            self._heard = False
            if not self._flush_planned:
                self._plan_flush()

    # -- signs of life ----------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now, interval = self._loop.time(), self._limits.heartbeat_interval
        late = now - self._ticked - interval
        self._ticked = now
        self._timer = self._loop.call_later(interval, self._tick)
        if self.session is None or not self.links:
            return
        self.session.beat()
        for link in tuple(self.links.values()):
            if late > interval:  # we paused and have not read what arrived meanwhile, so no peer is judged
                link.heard = link.watched.heard = now
            self._look_at(link, now)

    def _look_at(self, link: NatsLink, now: float) -> None:
        channel = link.channel
        silent = now - max(link.heard, link.watched.heard)
        if channel is None:
            if now - link.born > self._limits.handshake_timeout or silent > self._limits.heartbeat_timeout:
                self.drop(link)
        elif silent > self._limits.heartbeat_timeout:
            self.end(channel, f"nothing was heard from it for {silent:.1f} s")
        elif self._is_stuck(link, channel, now):
            self.end(channel, "it does not confirm what was sent to it: the server has lost something")
        elif channel.owes and not link.said:
            self._say(channel, channel.acknowledgement())
        link.said = False

    def _is_stuck(self, link: NatsLink, channel: PeerChannel, now: float) -> bool:
        """Whether messages have waited too long for a confirmation."""
        if not channel.unconfirmed or channel.confirmations != link.stuck_at:
            link.stuck, link.stuck_at = now, channel.confirmations
            return False
        return now - link.stuck > _STUCK * self._limits.heartbeat_timeout

    # -- the end ------------------------------------------------------------------------------------------

    def lost(self, why: str) -> None:
        """Ends all channels: the connection to the server has ended.

        Args:
            why: what is known of the cause, with a colon before it; may be empty.
        """
        self.session = None
        for channel in self.channels():
            self.end(channel, f"the connection to the NATS server is lost{why}")
        self.links.clear()
        self._blocked.clear()
        self._window = self._limits.window(1)

    def abort(self) -> None:
        super().abort()
        for link in tuple(self.links.values()):
            self.drop(link)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
