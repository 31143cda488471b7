"""ChannelTransport: the common base of transports over channels."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

from ..contracts.lane import LaneTransport, Peer
from ..errors import TooLarge, Unavailable
from .channel_pump import ChannelPump, PeerTable
from .peer_channel import PeerChannel

__all__ = ["ChannelTransport"]


class ChannelTransport(LaneTransport):
    """A transport whose connections are channels: it sends, waits, and ends connections. A subclass listens, connects,
    and implements ``abort``.

    Args:
        settings: see :class:`LaneTransport`.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._peers: PeerTable = {}
        self._numbers = itertools.count(1)

    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        found = self._peers.get(peer)  # inlines `_living`: every wave passes here
        if found is None or found[1].closing:
            raise self._has_ended(peer)
        if len(frame) > self.max_frame:
            raise TooLarge(
                f"a frame of {len(frame)} bytes is larger than {self.max_frame}",
                hint="send less at once, or raise max_frame on both sides",
            )
        pump, channel = found
        channel.outbox.put(frame, priority)
        if not channel.awake:
            pump.wake(channel)

    async def drain(self, peer: Peer) -> None:
        await self._living(peer)[1].outbox.drained()

    async def disconnect(self, peer: Peer) -> None:
        found = self._peers.get(peer)
        if found is not None:
            await found[0].disconnect(found[1])

    async def close(self) -> None:
        self._let_nobody_in()
        try:
            await asyncio.gather(*(pump.disconnect(channel) for pump, channel in list(self._peers.values())))
        finally:
            self.abort()

    def _let_nobody_in(self) -> None:
        """Called when the transport starts to close. Does nothing by default."""

    def _living(self, peer: Peer) -> tuple[ChannelPump, PeerChannel]:
        """Returns the pump and the channel of a peer. Raises Unavailable."""
        found = self._peers.get(peer)
        if found is None or found[1].closing:
            raise self._has_ended(peer)
        return found

    @staticmethod
    def _has_ended(peer: Peer) -> Unavailable:
        return Unavailable(f"the lane to {peer.name!r} has ended", hint="connect again")

    def _name_peer(self, prefix: str) -> str:
        """Returns a name for a new peer that no other peer of this transport has."""
        return f"{prefix}-{next(self._numbers)}"
