"""Parts for authors of lane transports. Nothing here touches a socket.

A network that loses connections but keeps messages in order needs two things from its transport: how a message leaves,
and where a message that has arrived belongs. The rest is here:

- :class:`Outbox` holds the frames that wait for one peer: bounded, by priority, large frames cut into pieces.
- :func:`pack` and :class:`Unpacker` put many frames into one message and take them out again.
- :class:`PeerChannel` decides what one end of a connection sends next: window, acknowledgement, goodbye.
- :class:`ChannelPump` moves the messages of channels, and ends channels in order.
- :mod:`messages <hyperverse_core.lanes.messages>` has the messages themselves, with the greeting.
- :func:`guarded_call` calls a receiver: what that raises is logged and ends nothing.

``docs/how-to/write-a-transport.md`` builds a transport from them.
"""

from . import messages
from .batch import Unpacker, pack
from .channel_pump import ChannelPump, PeerTable
from .guarded_call import guarded_call
from .outbox import Outbox
from .peer_channel import PeerChannel

__all__ = ["ChannelPump", "Outbox", "PeerChannel", "PeerTable", "Unpacker", "guarded_call", "messages", "pack"]
