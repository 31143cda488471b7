"""Checks the issuer and the audience of ID tokens, and that they answer our request."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hyperverse_core.errors import Forbidden

__all__ = ["claims_of", "names_key"]

_ALGORITHMS: Final = (
    "RS256",
    "ES256",
    "EdDSA",
    "Ed25519",
    "PS256",
    "RS384",
    "ES384",
    "PS384",
    "RS512",
    "ES512",
    "PS512",
)
"""All of them sign with a key that only the provider has. A token with a shared secret or without a signature would not
prove that the provider made it."""
_LEEWAY: Final = 60
"""Seconds by which two computers' clocks may differ."""
_LONGEST: Final = 64 * 1024


def names_key(token: str, keys: KeySet) -> bool:
    """Whether the keys include the one that the token names. A token that names none may be signed with any of them."""
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError) as exc:
        raise _refused("is not a signed token") from exc
    return kid is None or any(key.kid == kid for key in keys.keys)


def claims_of(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, algorithms: frozenset[str] | None = None
) -> Mapping[str, Any]:
    """Returns the claims of a token.

    Args:
        token: the token, as the provider sent it.
        keys: the keys of the provider.
        issuer: the issuer that must have made it.
        client_id: the client that it must be for.
        nonce: the nonce of the request that it must answer.
        algorithms: the algorithms that the provider declares; None if it declares none.

    Raises:
        Forbidden: the token is not valid. The message says why, without quoting the token.
    """
    if len(token) > _LONGEST:
        raise _refused("is too long")
    allowed = [name for name in _ALGORITHMS if algorithms is None or name in algorithms]
    try:
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=allowed).claims
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise _refused("is not signed with a key of the provider") from exc
    if claims.get("iss") != issuer:
        raise _refused("is from another issuer")
    audience = claims.get("aud")
    for_whom = [audience] if isinstance(audience, str) else audience
    if not isinstance(for_whom, list) or client_id not in for_whom:
        raise _refused("is for another audience")
    if claims.get("azp", client_id) != client_id or (len(for_whom) > 1 and "azp" not in claims):
        raise _refused("is for another party")
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise _refused("answers another login: its nonce is not ours")
    essential: Any = {name: {"essential": True} for name in ("exp", "iat", "sub")}
    try:
        jwt.JWTClaimsRegistry(leeway=_LEEWAY, **essential).validate(claims)
    except JoseError as exc:
        expired = type(exc).__name__ == "ExpiredTokenError"
        raise _refused("has expired" if expired else "has an invalid time or subject") from exc
    return claims


def _refused(why: str) -> Forbidden:
    return Forbidden(
        f"the ID token of the provider {why}", hint="log in again; if that also fails, tell the operator of the portal"
    )
