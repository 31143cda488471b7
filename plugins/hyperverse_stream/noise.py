"""The handshake that proves the keys of both sides: ``Noise_XK_25519_ChaChaPoly_SHA256`` of the Noise framework.

The side that connects knows the public key of the other side. Three messages::

    -> e, es       our fresh key; the rest is readable only to the holder of the expected key's secret
    <- e, ee       their fresh key: they have read ours
    -> s, se       our own key, encrypted, with proof that we hold its secret

After these, each side has one key to encrypt with and one to decrypt with. Nobody who listens, or learns the long-lived
secrets later, can read what follows; a recorded handshake cannot be replayed.

This module neither sends nor receives.
"""

from __future__ import annotations

from typing import Final

from hyperverse_core.transport import KEY_BYTES, TAG_BYTES, Cipher, KeyAgreement, KeyTexts, SecretKey

__all__ = ["KEYS", "Initiator", "Responder"]

KEYS: Final = KeyTexts("stream")
_PATTERN: Final = b"Noise_XK_25519_ChaChaPoly_SHA256"
_PROLOGUE: Final = b"cosmic-hyperverse stream 1"


class Initiator:
    """The side that connects.

    Args:
        secret: our long-lived secret key.
        server: the public key that the other side must hold.
    """

    def __init__(self, secret: bytes, server: bytes) -> None:
        self._agreed = KeyAgreement(_PATTERN, _PROLOGUE, server)
        self._secret = SecretKey(secret)
        self._fresh = SecretKey()
        self._server = server
        self._their = b""

    def first(self) -> bytes:
        """Returns our first message. Raises NotProven when the other side's key is not a valid key."""
        self._agreed.mix(self._fresh.public)
        self._agreed.agree(self._fresh, self._server)
        return self._fresh.public + self._agreed.seal(b"")

    def second(self, message: bytes) -> None:
        """Takes the answer. Raises NotProven."""
        self._their = message[:KEY_BYTES]
        self._agreed.mix(self._their)
        self._agreed.agree(self._fresh, self._their)
        self._agreed.open(message[KEY_BYTES:])

    def third(self, payload: bytes) -> tuple[bytes, Cipher, Cipher]:
        """Returns our second message, the cipher for what we send and the cipher for what we receive.

        Args:
            payload: data sent with it.
        """
        sealed = self._agreed.seal(self._secret.public)
        self._agreed.agree(self._secret, self._their)
        message = sealed + self._agreed.seal(payload)
        ours, theirs = self._agreed.split()
        return message, Cipher(ours), Cipher(theirs)


class Responder:
    """The listening side.

    Args:
        secret: our long-lived secret key.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = SecretKey(secret)
        self._agreed = KeyAgreement(_PATTERN, _PROLOGUE, self._secret.public)
        self._fresh = SecretKey()

    def first(self, message: bytes) -> bytes:
        """Takes the first message. Returns the answer. Raises NotProven when the other side expects another key."""
        their = message[:KEY_BYTES]
        self._agreed.mix(their)
        self._agreed.agree(self._secret, their)
        self._agreed.open(message[KEY_BYTES:])
        self._agreed.mix(self._fresh.public)
        self._agreed.agree(self._fresh, their)
        return self._fresh.public + self._agreed.seal(b"")

    def third(self, message: bytes) -> tuple[bytes, bytes, Cipher, Cipher]:
        """Takes the last message. Returns the public key that the other side proved to hold, its payload, the cipher
        for what we send and the cipher for what we receive. Raises NotProven."""
        sealed_key = KEY_BYTES + TAG_BYTES
        key = self._agreed.open(message[:sealed_key])
        self._agreed.agree(self._fresh, key)
        payload = self._agreed.open(message[sealed_key:])
        theirs, ours = self._agreed.split()
        return key, payload, Cipher(ours), Cipher(theirs)
