"""Parts for authors of lane transports. No part sends or receives by itself.

A network that loses connections but keeps messages in order needs two things from its transport: how a message leaves,
and where a message that has arrived belongs. The rest is here:

- :class:`Outbox` holds the frames that wait for one peer: bounded, by priority, large frames cut into pieces.
- :func:`pack` and :class:`Unpacker` put many frames into one message and take them out again.
- :class:`PeerChannel` decides what one end of a connection sends next: window, acknowledgement, goodbye.
- :class:`ChannelPump` moves the messages of channels, and ends channels in order.
- :class:`ChannelTransport` does what transports over channels do in the same way.
- :mod:`messages <hyperverse_core.lanes.messages>` has the messages themselves, with the greeting.
- :func:`guarded_call` calls a receiver: what that raises is logged and ends nothing.
- :class:`RefusalLog` logs why strangers are not let in, each reason once a minute.
- :class:`SocketFile` keeps the file of a Unix socket, :func:`raise_descriptor_limit` and :func:`room_for_connections`
  the file descriptors of a listener, and :func:`parse_settings` reads a table of the config.

Two more are for transports that prove keys by themselves, and need the library ``cryptography``: they are imported by
their own modules. :class:`~hyperverse_core.lanes.noise.KeyAgreement` is what all handshakes of the Noise framework have
in common, and :class:`~hyperverse_core.lanes.key_texts.KeyTexts` writes keys as texts and reads them.

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
