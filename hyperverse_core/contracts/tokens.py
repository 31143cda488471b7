"""How a registry recognizes a token without storing it."""

from __future__ import annotations

import hashlib

__all__ = ["token_digest"]


def token_digest(token: str) -> str:
    """Returns what a registry keeps in place of a token (:attr:`TokenRecord.digest`): its SHA-256, as 64 hexadecimal
    digits in lower case.

    A policy looks up the digest of the token that it receives. A reader of the registry learns no token, and a guess
    that begins like a token shares nothing with its digest.

    Args:
        token: any text; characters that UTF-8 cannot encode (lone surrogates) are hashed as well, so that a strange
            token is unknown rather than an error.

    Example::

        known = await registry.token(token_digest(credentials.token))
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
