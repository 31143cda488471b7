"""Texts that a registry keeps without knowing them: encrypted, or hashed when they are only compared.

Encrypted is Fernet (AES-128 in CBC, with an HMAC of SHA-256), hashed is Argon2id with the parameters that OWASP
recommends. Both are of the library ``cryptography``, which is imported when the first secret is met.
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
"""A text that somebody has written in clear does not look like this."""
_HASHED: Final = "hashed:"
SALTED_MEMORY: Final = 19_456
"""Memory of one hash, in KiB."""


def is_sealed(text: str) -> bool:
    """Whether ``text`` was encrypted."""
    return text.startswith("sealed:") and _SHAPE.fullmatch(text) is not None


def is_hashed(text: str) -> bool:
    """Whether ``text`` is the hash of one."""
    return text.startswith(f"{_HASHED}$argon2id$")


def sealed_with(text: str) -> str:
    """The id of the key that ``text`` was encrypted with."""
    return text.split(":")[1]


def sealed(text: str, key: str) -> str:
    """Returns ``text``, encrypted with ``key``."""
    from cryptography.fernet import Fernet

    return f"{_SEALED}{key_id(key)}:{Fernet(key).encrypt(text.encode('utf-8', 'surrogatepass')).decode()}"


def opened(text: str, keys: Mapping[str, str]) -> str:
    """Returns what was encrypted. Raises Unavailable when none of ``keys``, by their ids, is the right one."""
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
    """Returns the hash of ``text``. It takes some hundredths of a second."""
    return _HASHED + _argon().derive_phc_encoded(text.encode("utf-8", "surrogatepass"))


def matches(guess: str, text: str) -> bool:
    """Whether ``text`` is the hash of ``guess``. It takes some hundredths of a second."""
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
