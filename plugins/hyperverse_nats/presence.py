"""Signs of life: each session publishes a signed message that says it is alive; the sessions connected to it listen."""

from __future__ import annotations

import struct
from typing import Final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["Beats", "Watched"]

_NUMBER: Final = struct.Struct("<Q")
_SIGNATURE: Final = 64
_CONTEXT: Final = b"cosmic-hyperverse nats here 1"


class Beats:
    """Our own signs of life. They are numbered, so none can be replayed.

    Args:
        session: the id of our session.

    Attributes:
        key: the key by which others recognize us: 32 bytes.
        number: number of the newest one.
    """

    def __init__(self, session: bytes) -> None:
        self._secret = Ed25519PrivateKey.generate()
        self._context = _CONTEXT + session
        self.key = self._secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.number = 0

    def next(self) -> bytes:
        """Returns the next sign of life."""
        self.number += 1
        number = _NUMBER.pack(self.number)
        return number + self._secret.sign(self._context + number)


@attrs.define(eq=False)
class Watched:
    """The session of another machine.

    Attributes:
        session: its id.
        heard: when it was last heard of.
        users: number of our connections to it.
        warned: whether an impostor of this session was logged.
    """

    session: bytes
    heard: float
    _key: Ed25519PublicKey
    _number: int
    users: int = 0
    warned: bool = False

    @classmethod
    def make(cls, session: bytes, key: bytes, number: int, now: float) -> Watched:
        """Watches a session.

        Args:
            session: its id.
            key: the key with which it signs. Raises ValueError when this is not a valid key.
            number: number of its newest sign of life so far; only later ones count.
            now: the time.
        """
        return cls(session, now, Ed25519PublicKey.from_public_bytes(key), number)

    def hears(self, beat: bytes, now: float) -> bool:
        """Takes a message that claims to be a sign of life. Returns whether it is a genuine, new one."""
        if len(beat) != _NUMBER.size + _SIGNATURE:
            return False
        (number,) = _NUMBER.unpack_from(beat)
        if number <= self._number:
            return False
        try:
            self._key.verify(beat[_NUMBER.size :], _CONTEXT + self.session + beat[: _NUMBER.size])
        except InvalidSignature:
            return False
        self._number, self.heard = number, now
        return True
