"""The handshake that proves the keys of both sides: ``Noise_XK_25519_ChaChaPoly_SHA256``, of the Noise framework.

The side that connects knows the public key of the other one. Three messages::

    -> e, es       a fresh key of ours; the rest is readable only for who holds the secret of the expected key
    <- e, ee       a fresh key of theirs: they have read ours
    -> s, se       our own key, encrypted, with proof that we hold its secret

Behind them, each side has one key to encrypt with and one to decrypt with. Nobody who listens, or who learns the long-
lived secrets later, can read what follows; a recorded handshake cannot be repeated.

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

__all__ = ["KEY_BYTES", "Cipher", "Initiator", "NotProven", "Responder", "public_of"]

KEY_BYTES: Final = 32
_NAME: Final = b"Noise_XK_25519_ChaChaPoly_SHA256"  # 32 bytes: as long as a hash, so it is the first one
_TAG: Final = 16
_PROLOGUE: Final = b"cosmic-hyperverse stream 1"


class NotProven(Exception):
    """A message of the handshake is malformed, or was made with another key than the expected one."""


def public_of(secret: bytes) -> bytes:
    """The public key that belongs to a secret one, both of 32 bytes."""
    return _public(X25519PrivateKey.from_private_bytes(secret))


class Cipher:
    """One direction of a connection: every message is encrypted under its number, so none can be left out or repeated.

    Args:
        key: 32 bytes.
    """

    __slots__ = ("_cipher", "_number")

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0

    def seal(self, message: bytes, bound_to: bytes | None = None) -> bytes:
        """Encrypts the next message, which becomes 16 bytes longer.

        Args:
            message: its bytes.
            bound_to: what the other side has to know as well.
        """
        number, self._number = self._number, self._number + 1
        return self._cipher.encrypt(bytes(4) + number.to_bytes(8, "little"), message, bound_to)

    def open(self, sealed: bytes, bound_to: bytes | None = None) -> bytes:
        """Decrypts the next message. Raises NotProven when it is not the one that the other side has sent next."""
        number, self._number = self._number, self._number + 1
        try:
            return self._cipher.decrypt(bytes(4) + number.to_bytes(8, "little"), sealed, bound_to)
        except (InvalidTag, ValueError) as exc:
            raise NotProven(
                "a message was not encrypted with the key that was agreed on, or is not the next one"
            ) from exc


class _Side:
    """What both sides do in the same way: they mix everything that was said into a hash, and secrets into a key."""

    def __init__(self, their_static: bytes) -> None:
        self._hash = self._chain = _NAME
        self._cipher: Cipher | None = None
        self._own = X25519PrivateKey.generate()
        self._mix(_PROLOGUE)
        self._mix(their_static)

    def _mix(self, said: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + said).digest()

    def _agree(self, secret: X25519PrivateKey, public: bytes) -> None:
        """Mixes the secret that only the two holders of these keys know."""
        try:
            shared = secret.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as exc:  # a key for which every secret gives the same
            raise NotProven("a key of the other side is none") from exc
        self._chain, key = _derive(self._chain, shared)
        self._cipher = Cipher(key)

    def _seal(self, text: bytes) -> bytes:
        assert self._cipher is not None, "a secret was mixed before"
        sealed = self._cipher.seal(text, self._hash)
        self._mix(sealed)
        return sealed

    def _open(self, sealed: bytes) -> bytes:
        assert self._cipher is not None, "a secret was mixed before"
        text = self._cipher.open(sealed, self._hash)
        self._mix(sealed)
        return text

    def _split(self) -> tuple[Cipher, Cipher]:
        """The cipher from the side that connects, and the one towards it."""
        one, two = _derive(self._chain, b"")
        return Cipher(one), Cipher(two)


class Initiator(_Side):
    """The side that connects.

    Args:
        secret: our long-lived secret key.
        server: the public key that the other side must hold.
    """

    def __init__(self, secret: bytes, server: bytes) -> None:
        super().__init__(server)
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self._server = server
        self._their = b""

    def first(self) -> bytes:
        """Our first message."""
        own = _public(self._own)
        self._mix(own)
        self._agree(self._own, self._server)
        return own + self._seal(b"")

    def second(self, message: bytes) -> None:
        """Takes the answer. Raises NotProven."""
        self._their = message[:KEY_BYTES]
        self._mix(self._their)
        self._agree(self._own, self._their)
        self._open(message[KEY_BYTES:])

    def third(self, payload: bytes) -> tuple[bytes, Cipher, Cipher]:
        """Our second message, the cipher for what we send, and the one for what we get.

        Args:
            payload: what we say with it.
        """
        sealed = self._seal(_public(self._secret))
        self._agree(self._secret, self._their)
        message = sealed + self._seal(payload)
        return message, *self._split()


class Responder(_Side):
    """The side that listens.

    Args:
        secret: our long-lived secret key.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        super().__init__(_public(self._secret))
        self._their = b""

    def first(self, message: bytes) -> bytes:
        """Takes the first message. Returns the answer. Raises NotProven when the other side expects another key."""
        self._their = message[:KEY_BYTES]
        self._mix(self._their)
        self._agree(self._secret, self._their)
        self._open(message[KEY_BYTES:])
        own = _public(self._own)
        self._mix(own)
        self._agree(self._own, self._their)
        return own + self._seal(b"")

    def third(self, message: bytes) -> tuple[bytes, bytes, Cipher, Cipher]:
        """Takes the last message. Returns the public key that the other side has proved to hold, what it says, the
        cipher for what we send and the one for what we get. Raises NotProven."""
        key = self._open(message[: KEY_BYTES + _TAG])
        self._agree(self._own, key)
        payload = self._open(message[KEY_BYTES + _TAG :])
        theirs, ours = self._split()
        return key, payload, ours, theirs


def _public(secret: X25519PrivateKey) -> bytes:
    return secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _derive(chain: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """Two keys out of a chaining key and a new secret: HKDF, as the framework says."""
    mixed = hmac.digest(chain, secret, "sha256")
    one = hmac.digest(mixed, b"\x01", "sha256")
    return one, hmac.digest(mixed, one + b"\x02", "sha256")
