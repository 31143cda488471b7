"""The handshake that proves the keys of both sides: ``Noise_IK_25519_ChaChaPoly_SHA256``, of the Noise framework.

The side that connects knows the public key of the other one. Two messages::

    -> e, es, s, ss    a fresh key; our own key, which only the expected one can read; proof that we hold its secret
    <- e, ee, se       a fresh key of theirs, and proof that they hold the secret of the expected key

The side that listens keeps nothing of anybody who has not proved a key: strangers cost it no memory. What was said
before, such as the cookie, goes into the hash as well, so it cannot be exchanged on the way. Behind the two messages
each side has one key to encrypt with and one to decrypt with; who learns the long-lived secrets later cannot read what
was said.

Nothing here sends or receives. The primitives are those of the library ``cryptography``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["KEY_BYTES", "HandshakeFault", "IkInitiator", "IkResponder", "public_of"]

KEY_BYTES: Final = 32
_NAME: Final = b"Noise_IK_25519_ChaChaPoly_SHA256"  # 32 bytes: as long as a hash, so it is the first one
_SEALED_KEY: Final = KEY_BYTES + 16


class HandshakeFault(Exception):
    """A message of the handshake is malformed, or was made with another key than the expected one."""


def public_of(secret: bytes) -> bytes:
    """The public key that belongs to a secret one, both of 32 bytes."""
    return _public(X25519PrivateKey.from_private_bytes(secret))


class _Side:
    """What both sides do in the same way: they mix everything that was said into a hash, and secrets into a key."""

    def __init__(self, said: bytes, listener: bytes) -> None:
        self._hash = self._chain = _NAME
        self._key = b""
        self._number = 0
        self._mix(said)
        self._mix(listener)

    def _mix(self, said: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + said).digest()

    def _agree(self, secret: X25519PrivateKey, public: bytes) -> None:
        """Mixes the secret that only the two holders of these keys know."""
        try:
            shared = secret.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as exc:  # it is too short, or a key for which every secret gives the same
            raise HandshakeFault("a key of the other side is none") from exc
        self._chain, self._key = _derive(self._chain, shared)
        self._number = 0

    def _nonce(self) -> bytes:
        number, self._number = self._number, self._number + 1
        return bytes(4) + number.to_bytes(8, "little")

    def _seal(self, text: bytes) -> bytes:
        sealed = ChaCha20Poly1305(self._key).encrypt(self._nonce(), text, self._hash)
        self._mix(sealed)
        return sealed

    def _open(self, sealed: bytes) -> bytes:
        try:
            text = ChaCha20Poly1305(self._key).decrypt(self._nonce(), sealed, self._hash)
        except (InvalidTag, ValueError) as exc:
            raise HandshakeFault("it was made with another key, or changed on the way") from exc
        self._mix(sealed)
        return text

    def _split(self) -> tuple[bytes, bytes]:
        """The key of the side that connects, and the key of the one that listens."""
        return _derive(self._chain, b"")


class IkInitiator(_Side):
    """The side that connects.

    Args:
        said: what both sides know from before, such as the cookie.
        secret: our long-lived secret key.
        listener: the public key that the other side must hold.
    """

    def __init__(self, said: bytes, secret: bytes, listener: bytes) -> None:
        super().__init__(said, listener)
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self._fresh = X25519PrivateKey.generate()
        self._listener = listener

    def hello(self, payload: bytes) -> bytes:
        """The first message, with a payload that only the other side can read. Raises HandshakeFault when the key of
        the other side cannot be a key."""
        fresh = _public(self._fresh)
        self._mix(fresh)
        self._agree(self._fresh, self._listener)
        sealed = self._seal(_public(self._secret))
        self._agree(self._secret, self._listener)
        return fresh + sealed + self._seal(payload)

    def welcome(self, message: bytes) -> tuple[bytes, bytes, bytes]:
        """Takes the answer. Returns its payload, the key for what we send and the key for what we get. Raises
        HandshakeFault; then another message may still be the answer."""
        before = self._hash, self._chain, self._key, self._number
        try:
            theirs = message[:KEY_BYTES]
            self._mix(theirs)
            self._agree(self._fresh, theirs)
            self._agree(self._secret, theirs)
            payload = self._open(message[KEY_BYTES:])
        except HandshakeFault:
            self._hash, self._chain, self._key, self._number = before
            raise
        return payload, *self._split()


class IkResponder(_Side):
    """The side that listens, for one that wants to connect.

    Args:
        said: see :class:`IkInitiator`.
        secret: our long-lived secret key.

    Attributes:
        fresh: the fresh key of the other side: no two handshakes have the same.
    """

    def __init__(self, said: bytes, secret: bytes) -> None:
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        super().__init__(said, _public(self._secret))
        self.fresh = self._key_of_theirs = b""

    def hello(self, message: bytes) -> tuple[bytes, bytes]:
        """Takes the first message. Returns the public key that the other side has proved to hold, and its payload.
        Raises HandshakeFault."""
        self.fresh = message[:KEY_BYTES]
        self._mix(self.fresh)
        self._agree(self._secret, self.fresh)
        self._key_of_theirs = self._open(message[KEY_BYTES : KEY_BYTES + _SEALED_KEY])
        self._agree(self._secret, self._key_of_theirs)
        return self._key_of_theirs, self._open(message[KEY_BYTES + _SEALED_KEY :])

    def welcome(self, payload: bytes) -> tuple[bytes, bytes, bytes]:
        """The answer, the key for what we send and the key for what we get."""
        own = X25519PrivateKey.generate()
        fresh = _public(own)
        self._mix(fresh)
        self._agree(own, self.fresh)
        self._agree(own, self._key_of_theirs)
        message = fresh + self._seal(payload)
        theirs, ours = self._split()
        return message, ours, theirs


def _public(secret: X25519PrivateKey) -> bytes:
    return secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _derive(chain: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """Two keys out of a chaining key and a new secret: HKDF, as the framework says."""
    mixed = hmac.digest(chain, secret, "sha256")
    one = hmac.digest(mixed, b"\x01", "sha256")
    return one, hmac.digest(mixed, one + b"\x02", "sha256")
