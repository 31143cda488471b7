"""The transport's table in the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hyperverse_core.transport import LaneReceiver, Peer, PeerChannel, parse_settings

__all__ = ["StreamSettings"]


@attrs.frozen
class StreamSettings:
    """Settings of ``[lanes]`` for ``driver = "stream"``.

    Attributes:
        heartbeat_interval: seconds between two heartbeats on an idle connection.
        heartbeat_timeout: seconds without a message after which a peer counts as dead. The end of a process is noticed
            at once; this is for one that is suspended or unplugged.
        blocked_timeout: the same for a peer over a Unix socket whose process runs, so that only its event loop is
            blocked.
        handshake_timeout: seconds that a stranger may take to prove its key.
        queue_frames: how many frames may wait for one peer; beyond that, sending raises LaneFull.
        queue_bytes: how many bytes may wait for one peer; beyond that, sending raises LaneFull.
        max_frame: the largest frame, in bytes, sent or received.
        max_peers: how many peers one endpoint accepts.
        max_strangers: how many connections without a proven key one endpoint may have at a time.
        busy_poll: seconds for which the event loop stays awake after something was sent, because the answer may come
            soon; 0 lets it sleep at once. It polls only where that pays, and never on a single core.
    """

    heartbeat_interval: float = 0.5
    heartbeat_timeout: float = 2.0
    blocked_timeout: float = 60.0
    handshake_timeout: float = 10.0
    queue_frames: int = 8192
    queue_bytes: int = 16 * 1024 * 1024
    max_frame: int = 16 * 1024 * 1024
    max_peers: int = 10_000
    max_strangers: int = 4096
    busy_poll: float = attrs.field(default=0.0002, metadata={"range": (0.0, 0.01)})

    def new_channel(self, peer: Peer, receiver: LaneReceiver, route: object) -> PeerChannel:
        """Returns a channel with these limits.

        Args:
            peer: the other side.
            receiver: gets its frames.
            route: the link to it.
        """
        return PeerChannel.make(
            peer,
            receiver,
            queue_frames=self.queue_frames,
            queue_bytes=self.queue_bytes,
            max_frame=self.max_frame,
            route=route,
        )

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> StreamSettings:
        """Returns the settings in a table. Raises ConfigError, which lists every fault."""
        return parse_settings(cls, table)
