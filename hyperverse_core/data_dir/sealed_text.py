"""Strings that a registry stores without knowing them: encrypted, or hashed when they only need comparing.

Encryption is Fernet (AES-128 in CBC mode with an HMAC of SHA-256), hashing is Argon2id with the parameters that OWASP
recommends. Both come from the library ``cryptography``, which is imported when the first secret is used.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ..errors import Unavailable
from .sealing_keys import key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

__all__ = ["SALTED_MEMORY", "hashed", "is_hashed", "is_sealed", "matches", "opened", "sealed", "sealed_with"]

_SEALED: Final = "sealed:"
_SHAPE: Final = re.compile(r"sealed:[0-9a-f]{8}:gAAAA[\w=-]+")
"""A string in clear text does not look like this."""
_HASHED: Final = "hashed:"
SALTED_MEMORY: Final = 19_456
"""Memory used by one hash, in KiB."""


def is_sealed(text: str) -> bool:
    """Returns whether ``text`` is encrypted."""
    return text.startswith("sealed:") and _SHAPE.fullmatch(text) is not None


def is_hashed(text: str) -> bool:
    """Returns whether ``text`` is a hash."""
    return text.startswith(f"{_HASHED}$argon2id$")


def sealed_with(text: str) -> str:
    """Returns the id of the key that ``text`` was encrypted with."""
    return text.split(":")[1]


def sealed(text: str, key: str) -> str:
    """Returns ``text`` encrypted with ``key``."""
    from cryptography.fernet import Fernet

    return f"{_SEALED}{key_id(key)}:{Fernet(key).encrypt(text.encode('utf-8', 'surrogatepass')).decode()}"


def opened(text: str, keys: Mapping[str, str]) -> str:
    """Returns the decrypted text. Raises Unavailable when ``keys``, a map from ids to keys, lacks the right one."""
    from cryptography.fernet import Fernet, InvalidToken

    _, name, token = text.split(":")
    key = keys.get(name)
    if key is None:
        raise Unavailable(
            f"the value was encrypted with the key {name!r}, which is not here",
            hint="copy keys/properties.key from the data directory of the machine that wrote it, or set it again",
        )
    try:
        return Fernet(key).decrypt(token).decode("utf-8", "surrogatepass")
    except InvalidToken:
        raise Unavailable(
            f"the value that was encrypted with the key {name!r} has been changed in the registry",
            hint="set the value again; `hyperverse registry check` looks for damage",
        ) from None


def hashed(text: str) -> str:
    """Returns the hash of ``text``. This takes some hundredths of a second."""
    return _HASHED + _argon().derive_phc_encoded(text.encode("utf-8", "surrogatepass"))


def matches(guess: str, text: str) -> bool:
    """Returns whether ``text`` is the hash of ``guess``. This takes some hundredths of a second."""
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(guess.encode("utf-8", "surrogatepass"), text.removeprefix(_HASHED))
    except (InvalidKey, ValueError):
        return False
    return True


def _argon() -> Argon2id:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(salt=secrets.token_bytes(16), length=32, iterations=2, lanes=1, memory_cost=SALTED_MEMORY)
