"""Finds the user whom an ID token identifies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hyperverse_core.errors import Forbidden
from hyperverse_core.values import HYPERUSER, Point

from .settings import OidcSettings, user_point

__all__ = ["user_of"]

_LONGEST: Final = 255
"""The longest claim that may name a user, in characters."""


def user_of(claims: Mapping[str, Any], settings: OidcSettings) -> Point:
    """Returns the point of the user. The policy decides whether that user exists.

    Raises:
        Forbidden: the claims name no user.
    """
    claim = settings.claim
    value = claims.get(claim)
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        raise Forbidden(
            f"{settings.shown_name} does not identify you: the claim {claim!r} is not a string",
            hint="the operator of this portal chooses the claim and its scopes: [portal.oidc] claim, scopes",
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
            named = None  # a name, never a point: the provider does not choose the parent of the user
    user = None if named is None else user_point(named)
    if user is None or (user == HYPERUSER and not settings.users):
        raise Forbidden(
            f"{value!r} of {settings.shown_name} is not a user here",
            hint="the operator of this portal can add you to [portal.oidc.users]",
        )
    return user
