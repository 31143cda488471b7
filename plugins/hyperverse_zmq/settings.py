"""The transport's table in the config, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hyperverse_core.transport import LaneReceiver, Peer, PeerChannel, parse_settings

__all__ = ["ZmqSettings"]


@attrs.frozen
class ZmqSettings:
    """Settings of ``[lanes.zmq]``.

    Attributes:
        heartbeat_interval: seconds between two heartbeats on an idle connection.
        heartbeat_timeout: seconds without an answer after which a peer counts as dead.
        queue_frames: how many frames may wait for one peer; beyond that, sending raises LaneFull.
        queue_bytes: how many bytes may wait for one peer; beyond that, sending raises LaneFull.
        max_frame: the largest frame, in bytes, sent or received.
        max_peers: how many peers one endpoint accepts.
    """

    heartbeat_interval: float = 0.2
    heartbeat_timeout: float = 0.6
    queue_frames: int = 8192
    queue_bytes: int = 16 * 1024 * 1024
    max_frame: int = 16 * 1024 * 1024
    max_peers: int = 10_000

    def new_channel(self, peer: Peer, receiver: LaneReceiver, route: bytes = b"") -> PeerChannel:
        """Returns a channel with these limits; ``route`` is the routing id of the peer at a listener."""
        return PeerChannel.make(
            peer,
            receiver,
            queue_frames=self.queue_frames,
            queue_bytes=self.queue_bytes,
            max_frame=self.max_frame,
            route=route,
        )

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> ZmqSettings:
        """Returns the settings in a table. Raises ConfigError, which lists every fault."""
        return parse_settings(cls, table)
