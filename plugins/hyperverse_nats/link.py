"""NatsLink: one end of one connection: its keys, its numbers, and where the other end gets its messages."""

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
"""Bytes of the number of a message, little-endian, in clear before what is encrypted."""


@attrs.define(eq=False)
class NatsLink:
    """One end of a connection.

    A message is its number, then what is encrypted under that number. So a message that does not come from the other
    side is known for that, one that comes again is known by its number, and one that is missing by the next number.

    Attributes:
        id: names this end in the session.
        out: the subject by which the other side is reached.
        watched: whether the other side's session lives.
        channel: what it carries; None until the other side has sent its first message with the new keys.
        born: when it was made.
        heard: when the other side was last heard of.
        theirs: bytes that may be on the way to the other side, as it said.
        listener: the endpoint that it came by; None when we have made it.
        largest: bytes of the largest message that the server carries for it.
        said: whether something was sent since the last tick.
        stuck: when it was first seen that a message was not confirmed; ``stuck_at`` says which one.
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
            the message; None for one that a stranger has sent, or sent again.

        Raises:
            ProtocolError: messages before it are missing.
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
