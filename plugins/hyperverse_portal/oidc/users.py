"""Which user an ID token stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hyperverse_core.errors import Forbidden
from hyperverse_core.values import HYPERUSER, Point

from .settings import OidcSettings, user_point

__all__ = ["user_of"]

_LONGEST: Final = 255
"""Characters of a claim that may name a user."""


def user_of(claims: Mapping[str, Any], settings: OidcSettings) -> Point:
    """The point of the user; whether the user exists is for the policy to say.

    Raises:
        Forbidden: the claims name none.
    """
    claim = settings.claim
    value = claims.get(claim)
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        raise Forbidden(
            f"{settings.shown_name} does not say who you are: the claim {claim!r} is no text",
            hint="whoever runs this portal chooses the claim: [portal.oidc] claim, and the scopes that bring it",
        )
    if claim == "email" and claims.get("email_verified") is not True:
        raise Forbidden(
            f"{settings.shown_name} has not verified the address {value!r}", hint="verify it there, and log in again"
        )
    if settings.users:
        named = settings.users.get(value)
    else:
        found = re.fullmatch(settings.match, value)
        named = None if found is None else found[1]
        if named is not None and ":" in named:
            named = None  # a name, never a point: the provider does not choose where the user is
    user = None if named is None else user_point(named)
    if user is None or (user == HYPERUSER and not settings.users):
        raise Forbidden(
            f"nobody here is {value!r} of {settings.shown_name}",
            hint="whoever runs this portal can name you in [portal.oidc.users]",
        )
    return user
