"""The contract of a lane transport, and parts to build one from.

For authors of transports. Subclass :class:`LaneTransport`, register the class with the hook
``hyperverse_register_transports``, and test it with :class:`hyperverse_core.testing.LaneConformance`. The names of this
module are public: Semantic Versioning covers them. A name is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazily

if TYPE_CHECKING:
    from .contracts.lane import Endpoint as Endpoint
    from .contracts.lane import Identity as Identity
    from .contracts.lane import LaneReceiver as LaneReceiver
    from .contracts.lane import LaneTransport as LaneTransport
    from .contracts.lane import Peer as Peer
    from .lanes import ChannelPump as ChannelPump
    from .lanes import ChannelTransport as ChannelTransport
    from .lanes import Outbox as Outbox
    from .lanes import PeerChannel as PeerChannel
    from .lanes import PeerTable as PeerTable
    from .lanes import RefusalLog as RefusalLog
    from .lanes import SocketFile as SocketFile
    from .lanes import Unpacker as Unpacker
    from .lanes import guarded_call as guarded_call
    from .lanes import messages as messages
    from .lanes import names_own_host as names_own_host
    from .lanes import pack as pack
    from .lanes import parse_settings as parse_settings
    from .lanes import raise_descriptor_limit as raise_descriptor_limit
    from .lanes import room_for_connections as room_for_connections
    from .lanes.key_texts import KeyTexts as KeyTexts
    from .lanes.noise import KEY_BYTES as KEY_BYTES
    from .lanes.noise import TAG_BYTES as TAG_BYTES
    from .lanes.noise import Cipher as Cipher
    from .lanes.noise import KeyAgreement as KeyAgreement
    from .lanes.noise import NotProven as NotProven
    from .lanes.noise import SecretKey as SecretKey

if not TYPE_CHECKING:  # a type checker reads the imports above, and reports a name that does not exist
    __all__, __getattr__, __dir__ = lazily(
        __name__,
        __package__,
        {
            "contracts.lane": "Endpoint Identity LaneReceiver LaneTransport Peer",
            "lanes": (
                "ChannelPump ChannelTransport Outbox PeerChannel PeerTable RefusalLog SocketFile Unpacker guarded_call"
                " messages names_own_host pack parse_settings raise_descriptor_limit room_for_connections"
            ),
            "lanes.key_texts": "KeyTexts",
            "lanes.noise": "KEY_BYTES TAG_BYTES Cipher KeyAgreement NotProven SecretKey",
        },
    )
