"""Parts of a handshake of the Noise framework, over Curve25519, ChaCha20-Poly1305 and SHA-256.

A handshake of the framework is a list of messages. Which keys each message mixes in differs from pattern to pattern
(IK, XK), and is for the transport to write down. What all patterns do in the same way is here: :class:`KeyAgreement` is
the framework's ``SymmetricState``, :class:`Cipher` its ``CipherState``.

Nothing here sends or receives. The primitives are those of the library ``cryptography``, so this module is imported
only by transports that need it.
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
"""Bytes by which encryption makes a message longer."""
_HASH_BYTES: Final = 32


class NotProven(Exception):
    """A message is malformed, or was made with another key than the expected one, or is not the next one."""


class SecretKey:
    """A secret key.

    Args:
        secret: its 32 bytes. Empty for a new key, which is used once and kept nowhere.

    Attributes:
        public: the 32 bytes of the public key that belongs to it.

    Raises:
        ValueError: it has another number of bytes.
    """

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes = b"") -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret) if secret else X25519PrivateKey.generate()
        self.public: bytes = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def shared_with(self, public: bytes) -> bytes:
        """The secret that only the holders of the two keys know.

        Args:
            public: the public key of the other side.

        Raises:
            NotProven: that cannot be a key: it is too short, or one with which every secret gives the same.
        """
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as exc:
            raise NotProven("a key of the other side is none") from exc


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
        """Decrypts the next message.

        Args:
            sealed: what the other side has made with ``seal``.
            bound_to: as there.

        Raises:
            NotProven: it is not the message that the other side has sent next.
        """
        number, self._number = self._number, self._number + 1
        try:
            return self._cipher.decrypt(bytes(4) + number.to_bytes(8, "little"), sealed, bound_to)
        except (InvalidTag, ValueError) as exc:
            raise NotProven(
                "a message was not encrypted with the key that was agreed on, or is not the next one"
            ) from exc


class KeyAgreement:
    """What the two sides of a handshake have said so far, as a hash, and the secrets that they share so far, as a key.

    Args:
        pattern: the name of the handshake by the framework, 32 bytes: ``b"Noise_XK_25519_ChaChaPoly_SHA256"``.
        known: what both sides know before the first message, in this order: the prologue, then public keys.
    """

    __slots__ = ("_chain", "_cipher", "_hash")

    def __init__(self, pattern: bytes, *known: bytes) -> None:
        assert len(pattern) == _HASH_BYTES, "a name that is as long as a hash is the first hash"
        self._hash = self._chain = pattern
        self._cipher: Cipher | None = None
        for said in known:
            self.mix(said)

    def mix(self, said: bytes) -> None:
        """Takes into the hash what was said in clear.

        Args:
            said: such as a fresh key.
        """
        self._hash = hashlib.sha256(self._hash + said).digest()

    def agree(self, secret: SecretKey, public: bytes) -> None:
        """Takes in the secret that the holders of two keys share.

        Args:
            secret: our key.
            public: theirs.

        Raises:
            NotProven: theirs cannot be a key.
        """
        self._chain, key = _derive(self._chain, secret.shared_with(public))
        self._cipher = Cipher(key)

    def seal(self, text: bytes) -> bytes:
        """Encrypts a part of a message, and takes it into the hash. Some secret must have been agreed on before.

        Args:
            text: what only the other side can read; it may be empty.
        """
        assert self._cipher is not None, "a secret was agreed on before"
        sealed = self._cipher.seal(text, self._hash)
        self.mix(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Decrypts a part of a message.

        Args:
            sealed: what the other side has made with ``seal``.

        Raises:
            NotProven: it was made with other keys, or behind other messages.
        """
        assert self._cipher is not None, "a secret was agreed on before"
        text = self._cipher.open(sealed, self._hash)
        self.mix(sealed)
        return text

    def split(self) -> tuple[bytes, bytes]:
        """The keys behind the last message: that of what the side that connects sends, and that of the one that
        listens."""
        return _derive(self._chain, b"")

    def before_message(self) -> KeyAgreement:
        """A copy for a message that may be a stranger's. Take the copy from then on when the message proves its keys,
        and drop it otherwise. The message must agree on a secret before a part of it is opened."""
        return copy.copy(self)


def _derive(chain: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """Two keys out of a chaining key and a new secret: HKDF, as the framework says."""
    mixed = hmac.digest(chain, secret, "sha256")
    one = hmac.digest(mixed, b"\x01", "sha256")
    return one, hmac.digest(mixed, one + b"\x02", "sha256")
