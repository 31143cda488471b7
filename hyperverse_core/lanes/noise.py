"""Parts of a handshake of the Noise framework, over Curve25519, ChaCha20-Poly1305 and SHA-256.

A handshake of the framework is a list of messages. The pattern (IK, XK), which the transport implements, determines
which keys each message mixes in. This module contains the common part of all patterns: :class:`KeyAgreement` is the
framework's ``SymmetricState``, :class:`Cipher` its ``CipherState``.

This module neither sends nor receives. The primitives come from the library ``cryptography``, so only transports that
need them import this module.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["KEY_BYTES", "TAG_BYTES", "Cipher", "KeyAgreement", "NotProven", "SecretKey"]

KEY_BYTES: Final = 32
"""Bytes of a key, public or secret."""
TAG_BYTES: Final = 16
"""Bytes that encryption adds to a message."""
_HASH_BYTES: Final = 32


class NotProven(Exception):
    """A message is malformed, or was made with an unexpected key, or is not the next one."""


class SecretKey:
    """A secret key.

    Args:
        secret: its 32 bytes. Empty for a new key that is used once and not stored.

    Attributes:
        public: the 32 bytes of the matching public key.

    Raises:
        ValueError: the secret does not have 32 bytes.
    """

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes = b"") -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret) if secret else X25519PrivateKey.generate()
        self.public: bytes = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def shared_with(self, public: bytes) -> bytes:
        """Returns the secret that only the holders of the two keys know.

        Args:
            public: the public key of the other side.

        Raises:
            NotProven: this is not a valid key: it has the wrong length, or gives the same result with every secret.
        """
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as exc:
            raise NotProven("a key of the other side is not valid") from exc


class Cipher:
    """One direction of a connection: every message is encrypted under its number, so none can be dropped or replayed.

    Args:
        key: the key, 32 bytes.
    """

    __slots__ = ("_cipher", "_number")

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0

    def seal(self, message: bytes, bound_to: bytes | None = None) -> bytes:
        """Encrypts the next message, which grows by 16 bytes.

        Args:
            message: its bytes.
            bound_to: data that the other side must also know.
        """
        number, self._number = self._number, self._number + 1
        return self._cipher.encrypt(bytes(4) + number.to_bytes(8, "little"), message, bound_to)

    def open(self, sealed: bytes, bound_to: bytes | None = None) -> bytes:
        """Decrypts the next message.

        Args:
            sealed: the output of ``seal`` at the other side.
            bound_to: as for ``seal``.

        Raises:
            NotProven: this is not the next message that the other side sent.
        """
        number, self._number = self._number, self._number + 1
        try:
            return self._cipher.decrypt(bytes(4) + number.to_bytes(8, "little"), sealed, bound_to)
        except (InvalidTag, ValueError) as exc:
            raise NotProven("a message was not encrypted with the agreed key, or is not the next one") from exc


class KeyAgreement:
    """The state of a handshake: a hash of the messages of both sides so far, and a key derived from the secrets that
    they share so far.

    Args:
        pattern: the framework's name of the handshake, 32 bytes: ``b"Noise_XK_25519_ChaChaPoly_SHA256"``.
        known: what both sides know before the first message, in order: the prologue, then public keys.
    """

    __slots__ = ("_chain", "_cipher", "_hash")

    def __init__(self, pattern: bytes, *known: bytes) -> None:
        assert len(pattern) == _HASH_BYTES, "a name as long as a hash is the first hash"
        self._hash = self._chain = pattern
        self._cipher: Cipher | None = None
        for said in known:
            self.mix(said)

    def mix(self, said: bytes) -> None:
        """Mixes data that was sent in clear into the hash.

        Args:
            said: the data, such as a fresh key.
        """
        self._hash = hashlib.sha256(self._hash + said).digest()

    def agree(self, secret: SecretKey, public: bytes) -> None:
        """Mixes in the secret that the holders of two keys share.

        Args:
            secret: our secret key.
            public: their public key.

        Raises:
            NotProven: theirs is not a valid key.
        """
        self._chain, key = _derive(self._chain, secret.shared_with(public))
        self._cipher = Cipher(key)

    def seal(self, text: bytes) -> bytes:
        """Encrypts a part of a message, and mixes it into the hash. The sides must have agreed on a secret before.

        Args:
            text: the data for the other side; may be empty.
        """
        assert self._cipher is not None, "a secret must have been agreed on"
        sealed = self._cipher.seal(text, self._hash)
        self.mix(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Decrypts a part of a message.

        Args:
            sealed: the output of ``seal`` at the other side.

        Raises:
            NotProven: it was made with other keys, or after other messages.
        """
        assert self._cipher is not None, "a secret must have been agreed on"
        text = self._cipher.open(sealed, self._hash)
        self.mix(sealed)
        return text

    def split(self) -> tuple[bytes, bytes]:
        """Returns the two keys after the last message: first the key for messages of the connecting side, then the key
        for messages of the listening side."""
        return _derive(self._chain, b"")

    def before_message(self) -> KeyAgreement:
        """Returns a copy for a message that may be a stranger's. Continue with the copy if the message proves its keys,
        and drop it otherwise. The message must agree on a secret before any part of it is opened."""
        return copy.copy(self)


def _derive(chain: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """Derives two keys from a chaining key and a new secret: HKDF, as the framework defines it."""
    mixed = hmac.digest(chain, secret, "sha256")
    one = hmac.digest(mixed, b"\x01", "sha256")
    return one, hmac.digest(mixed, one + b"\x02", "sha256")
