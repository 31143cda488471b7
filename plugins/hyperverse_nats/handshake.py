"""The handshake that proves the keys of both sides: ``Noise_IK_25519_ChaChaPoly_SHA256`` of the Noise framework.

The side that connects knows the public key of the other side. Two messages::

    -> e, es, s, ss    a fresh key; our own key, readable only by the expected peer; proof that we hold its secret
    <- e, ee, se       their fresh key, and proof that they hold the secret of the expected key

The listening side keeps no state for a peer that has not proved a key, so strangers cost it no memory. Earlier data,
such as the cookie, goes into the hash as well, so nobody can replace it on the way. After the two messages each side
has one key to encrypt with and one to decrypt with; somebody who learns the long-lived secrets later cannot read what
was sent.

Before the two messages, :class:`CookieProof` shows which cookie comes from the expected peer.

This module neither sends nor receives.
"""

from __future__ import annotations

import hmac
from typing import Final

from hyperverse_core.transport import KEY_BYTES, TAG_BYTES, KeyAgreement, KeyTexts, NotProven, SecretKey

__all__ = ["KEYS", "CookieProof", "IkInitiator", "IkResponder"]

KEYS: Final = KeyTexts("nats")
_PATTERN: Final = b"Noise_IK_25519_ChaChaPoly_SHA256"
_SEALED_KEY: Final = KEY_BYTES + TAG_BYTES
_COOKIE_LABEL: Final = b"hyperverse-nats-cookie"


class CookieProof:
    """Shows that a cookie comes from the holder of a key, so that made-up cookies can be ignored at once.

    The side that connects sends a fresh public key with its probe. The two sides then share a secret.

    Args:
        secret: our secret key.
        public: the public key of the other side. Raises NotProven when it is not a valid key.
    """

    BYTES: Final = 16
    """Bytes that the proof adds to a cookie."""

    def __init__(self, secret: SecretKey, public: bytes) -> None:
        self._key = hmac.digest(secret.shared_with(public), _COOKIE_LABEL, "sha256")

    def add_to(self, cookie: bytes, subject: str) -> bytes:
        """Returns the cookie with the proof.

        Args:
            cookie: the cookie.
            subject: the subject that it is made for.
        """
        return cookie + hmac.digest(self._key, cookie + subject.encode(), "sha256")[: self.BYTES]

    def cookie_in(self, said: bytes, subject: str) -> bytes:
        """Returns the cookie in what :meth:`add_to` returned at the other side. Raises NotProven when somebody else
        made it."""
        cookie = said[: -self.BYTES]
        if not hmac.compare_digest(said, self.add_to(cookie, subject)):
            raise NotProven("a cookie was made up")
        return cookie


class IkInitiator:
    """The side that connects.

    Args:
        said: data that both sides know from before, such as the cookie.
        secret: our long-lived secret key.
        listener: the public key that the other side must hold.
    """

    def __init__(self, said: bytes, secret: bytes, listener: bytes) -> None:
        self._agreed = KeyAgreement(_PATTERN, said, listener)
        self._secret = SecretKey(secret)
        self._fresh = SecretKey()
        self._listener = listener

    def hello(self, payload: bytes) -> bytes:
        """Returns the first message, with a payload that only the other side can read. Raises NotProven when the other
        side's key is not a valid key."""
        self._agreed.mix(self._fresh.public)
        self._agreed.agree(self._fresh, self._listener)
        sealed = self._agreed.seal(self._secret.public)
        self._agreed.agree(self._secret, self._listener)
        return self._fresh.public + sealed + self._agreed.seal(payload)

    def welcome(self, message: bytes) -> tuple[bytes, bytes, bytes]:
        """Takes the answer. Returns its payload, the key for what we send and the key for what we receive. Raises
        NotProven; in that case a later message may still be the answer."""
        agreed = self._agreed.before_message()
        theirs = message[:KEY_BYTES]
        agreed.mix(theirs)
        agreed.agree(self._fresh, theirs)
        agreed.agree(self._secret, theirs)
        payload = agreed.open(message[KEY_BYTES:])
        self._agreed = agreed
        return payload, *agreed.split()


class IkResponder:
    """The listening side, for one peer that wants to connect.

    Args:
        said: data that both sides know from before; see :class:`IkInitiator`.
        secret: our long-lived secret key.

    Attributes:
        fresh: the fresh key of the other side; no two handshakes have the same one.
    """

    def __init__(self, said: bytes, secret: bytes) -> None:
        self._secret = SecretKey(secret)
        self._agreed = KeyAgreement(_PATTERN, said, self._secret.public)
        self.fresh = self._key_of_theirs = b""

    def hello(self, message: bytes) -> tuple[bytes, bytes]:
        """Takes the first message. Returns the public key that the other side proved to hold, and the payload. Raises
        NotProven."""
        self.fresh = message[:KEY_BYTES]
        self._agreed.mix(self.fresh)
        self._agreed.agree(self._secret, self.fresh)
        self._key_of_theirs = self._agreed.open(message[KEY_BYTES : KEY_BYTES + _SEALED_KEY])
        self._agreed.agree(self._secret, self._key_of_theirs)
        return self._key_of_theirs, self._agreed.open(message[KEY_BYTES + _SEALED_KEY :])

    def welcome(self, payload: bytes) -> tuple[bytes, bytes, bytes]:
        """Returns the answer, the key for what we send and the key for what we receive."""
        own = SecretKey()
        self._agreed.mix(own.public)
        self._agreed.agree(own, self.fresh)
        self._agreed.agree(own, self._key_of_theirs)
        message = own.public + self._agreed.seal(payload)
        theirs, ours = self._agreed.split()
        return message, ours, theirs
