"""How a registry knows a token without knowing the token."""

from __future__ import annotations

import hashlib

__all__ = ["token_digest"]


def token_digest(token: str) -> str:
    """Returns what a registry keeps in place of a token (:attr:`TokenRecord.digest`): its SHA-256, as 64 hexadecimal
    digits in lower case.

    A policy looks up the digest of the token that it is shown. A reader of the registry learns no token, and a guess
    that shares a beginning with a token shares nothing with its digest.

    Args:
        token: any text; characters that UTF-8 does not have (lone surrogates) are hashed as well, so that a strange
            token is unknown rather than an error.

    Example::

        known = await registry.token(token_digest(credentials.token))
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
