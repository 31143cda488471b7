"""Keys as texts: 32 bytes in the URL-safe alphabet of Base64."""

from __future__ import annotations

import base64
import binascii
import secrets

from hyperverse_core.errors import BadRequest
from hyperverse_core.transport import Identity

from .noise import KEY_BYTES, public_of

__all__ = ["bytes_of", "new_identity", "pair_of", "text_of"]

_TEXT = 43


def bytes_of(text: str) -> bytes:
    """The 32 bytes of a key.

    Args:
        text: the key as users see it.

    Raises:
        BadRequest: it cannot be one.
    """
    try:
        found = base64.b64decode(text + "=", altchars=b"-_", validate=True) if len(text) == _TEXT else b""
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != KEY_BYTES or text_of(found) != text:
        hint = f"a key has {_TEXT} letters, digits, '-' and '_'; keys of other transports look different"
        raise BadRequest(f"{text!r} cannot be a key of the transport 'stream'", hint=hint)
    return found


def new_identity() -> Identity:
    """A new key pair."""
    while True:
        secret = secrets.token_bytes(KEY_BYTES)
        public = text_of(public_of(secret))
        if not public.startswith("-"):  # a command would take it for an option
            return Identity(public, text_of(secret))


def pair_of(identity: Identity, whose: str) -> bytes:
    """The secret key of a pair.

    Args:
        identity: the pair.
        whose: who has it, for the error.

    Raises:
        BadRequest: it is no pair of keys of this transport.
    """
    try:
        secret, public = bytes_of(identity.secret), bytes_of(identity.public)
    except BadRequest:
        secret = public = b""
    if not secret or public_of(secret) != public:
        raise BadRequest(
            f"{whose} must have a key pair of the transport 'stream', not {identity.public!r}",
            hint="new_identity() makes one",
        )
    return secret


def text_of(key: bytes) -> str:
    """The text of a key of 32 bytes."""
    return base64.urlsafe_b64encode(key).decode().rstrip("=")
