"""NatsLink: one end of one connection: its keys, its message numbers, and the subject of the other end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hyperverse_core.errors import ProtocolError
from hyperverse_core.transport import PeerChannel

from .presence import Watched

if TYPE_CHECKING:
    from .listener import NatsListener

__all__ = ["NUMBER", "NatsLink"]

NUMBER: Final = 8
"""Bytes of a message's number, little-endian, sent in clear before the encrypted part."""


@attrs.define(eq=False)
class NatsLink:
    """One end of a connection.

    A message is its number, followed by the content encrypted under that number. So a message from a third party fails
    to decrypt, a replayed message shows in its number, and a lost one in the next number.

    Attributes:
        id: identifies this end in the session.
        out: the subject at which the other side is reached.
        watched: the session of the other side, with its signs of life.
        channel: the channel that the link carries; None until the other side has sent its first message with the new
            keys.
        born: when the link was made.
        heard: when the other side was last heard of.
        theirs: bytes that may be in flight to the other side, as it announced.
        listener: the endpoint through which the other side connected; None when we connected.
        largest: bytes of the largest message that the server carries for this link.
        said: whether something was sent since the last tick.
        stuck: when an unconfirmed message was first noticed; ``stuck_at`` says which one.
    """

    id: bytes
    out: str
    watched: Watched
    born: float
    heard: float
    _seal: ChaCha20Poly1305
    _open: ChaCha20Poly1305
    channel: PeerChannel | None = None
    theirs: int = 0
    listener: NatsListener | None = None
    largest: int = 0
    said: bool = False
    stuck: float = 0.0
    stuck_at: int = -1
    _sent: int = 0
    _got: int = 0

    def seal(self, message: bytes) -> bytes:
        """Encrypts the next message."""
        number = self._sent.to_bytes(NUMBER, "little")
        self._sent += 1
        self.said = True
        return number + self._seal.encrypt(b"\0\0\0\0" + number, message, None)

    def open(self, sealed: bytes) -> bytes | None:
        """Decrypts a message of the other side.

        Returns:
            the message; None for one that a third party sent or replayed.

        Raises:
            ProtocolError: earlier messages are missing.
        """
        number = sealed[:NUMBER]
        try:
            message = self._open.decrypt(b"\0\0\0\0" + number, sealed[NUMBER:], None)
        except (InvalidTag, ValueError):
            return None
        count = int.from_bytes(number, "little")
        if count < self._got:
            return None
        if count > self._got:
            raise ProtocolError(f"the server has lost {count - self._got} messages")
        self._got += 1
        return message
