"""Parts for writers of lane transports: a bounded queue for one peer, and many frames in one message.

Nothing here touches a socket. The transports of this project are built from these parts, and a third party's may be.
"""

from .batch import Unpacker, pack
from .outbox import Outbox
from .telling import tell

__all__ = ["Outbox", "Unpacker", "pack", "tell"]
