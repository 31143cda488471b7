"""Parts for authors of lane transports. No part sends or receives by itself.

In a network that may lose connections but keeps messages in order, a transport decides only two things: how a message
is sent, and to which peer an incoming message belongs. This package provides the rest:

- :class:`Outbox` holds the frames that wait for one peer: bounded, by priority, large frames cut into pieces.
- :func:`pack` and :class:`Unpacker` put many frames into one message and take them out again.
- :class:`PeerChannel` decides what one end of a connection sends next: window, acknowledgement, goodbye.
- :class:`ChannelPump` moves the messages of channels, and ends channels in order.
- :class:`ChannelTransport` is the common base of transports over channels.
- :mod:`messages <hyperverse_core.lanes.messages>` holds the messages themselves, including the greeting.
- :func:`guarded_call` calls a receiver: an exception is logged and ends nothing.
- :class:`RefusalLog` logs why strangers are refused, each reason once per minute.
- :class:`SocketFile` manages the file of a Unix socket, :func:`raise_descriptor_limit` and :func:`room_for_connections`
  the file descriptors of a listener, and :func:`parse_settings` reads a table of the config.

Two more are for transports that prove keys themselves. They need the library ``cryptography``, so they are in separate
modules. :class:`~hyperverse_core.lanes.noise.KeyAgreement` is the common part of all handshakes of the Noise framework,
and :class:`~hyperverse_core.lanes.key_texts.KeyTexts` converts keys to text and back.

``docs/how-to/write-a-transport.md`` builds a transport from them.
"""

from . import messages
from .batch import Unpacker, pack
from .channel_pump import ChannelPump, PeerTable
from .channel_transport import ChannelTransport
from .descriptors import raise_descriptor_limit, room_for_connections
from .guarded_call import guarded_call
from .one_host import names_own_host
from .outbox import Outbox
from .peer_channel import PeerChannel
from .refusal_log import RefusalLog
from .settings import parse_settings
from .socket_file import SocketFile

__all__ = [
    "ChannelPump",
    "ChannelTransport",
    "Outbox",
    "PeerChannel",
    "PeerTable",
    "RefusalLog",
    "SocketFile",
    "Unpacker",
    "guarded_call",
    "messages",
    "names_own_host",
    "pack",
    "parse_settings",
    "raise_descriptor_limit",
    "room_for_connections",
]
