"""The contract of a lane transport, and parts to build one from.

For authors of transports. Subclass :class:`LaneTransport`, register the class with the hook
``hyperverse_register_transports``, and test it with :class:`hyperverse_core.testing.LaneConformance`. The names of this
module are public: Semantic Versioning covers them.
"""

from __future__ import annotations

from .contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport, Peer
from .lanes import (
    ChannelPump,
    ChannelTransport,
    Outbox,
    PeerChannel,
    PeerTable,
    SocketFile,
    Unpacker,
    guarded_call,
    messages,
    pack,
    parse_settings,
    raise_descriptor_limit,
    room_for_connections,
)

__all__ = [
    "ChannelPump",
    "ChannelTransport",
    "Endpoint",
    "Identity",
    "LaneReceiver",
    "LaneTransport",
    "Outbox",
    "Peer",
    "PeerChannel",
    "PeerTable",
    "SocketFile",
    "Unpacker",
    "guarded_call",
    "messages",
    "pack",
    "parse_settings",
    "raise_descriptor_limit",
    "room_for_connections",
]
