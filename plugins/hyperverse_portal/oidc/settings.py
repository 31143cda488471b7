"""The table ``[portal.oidc]``, checked once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from hyperverse_core.errors import ParseError, did_you_mean
from hyperverse_core.values import Point

__all__ = ["USERS", "OidcSettings", "faults_of_oidc", "is_safe_url"]

USERS: Final = "hyperspace:users"
"""The parent of all users."""
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")


@attrs.frozen
class OidcSettings:
    """Settings of ``[portal.oidc]``.

    Attributes:
        issuer: URL of the provider, as in its tokens.
        client_id: the provider's name for the portal.
        client_secret: the secret of that client; empty for a public client. Write ``{ file = "path" }`` or
            ``{ env = "NAME" }``.
        claim: the claim of the ID token that names the user.
        match: a regular expression for the whole claim; its first group is the name of the user.
        users: users by the value of the claim: names, or points below ``hyperspace:users``. If it is set, nobody else
            can log in.
        scopes: the scopes that the portal requests from the provider.
        name: name of the provider on the login page.
        timeout: seconds that the provider may take to answer.
    """

    issuer: str
    client_id: str
    client_secret: str = attrs.field(default="", repr=False)
    claim: str = "sub"
    match: str = "(.+)"
    users: Mapping[str, str] = attrs.field(factory=dict)
    scopes: Sequence[str] = ("openid",)
    name: str = ""
    timeout: float = 5.0

    @property
    def shown_name(self) -> str:
        """Display name of the provider on the login page."""
        return self.name or urlsplit(self.issuer).netloc


def faults_of_oidc(table: object) -> list[str]:
    """Returns the faults of a table, without quoting a secret."""
    if not isinstance(table, Mapping):
        return [f"oidc = {table!r}: must be a table with issuer and client_id"]
    fields = attrs.fields_dict(OidcSettings)
    faults = [f"oidc: no setting {key!r}{did_you_mean(key, fields)}" for key in table if key not in fields]
    texts = ("issuer", "client_id", "client_secret", "claim", "match", "name")
    faults += [f"oidc.{key}: must be a string" for key in texts if not isinstance(table.get(key, ""), str)]
    faults += [f"oidc.{key}: is missing" for key in ("issuer", "client_id") if not table.get(key)]
    if faults:
        return faults
    if not is_safe_url(table["issuer"]) or urlsplit(table["issuer"]).query:
        faults.append(f"oidc.issuer = {table['issuer']!r}: must be an https URL; http is allowed for loopback only")
    return [*faults, *_faults_of_rule(table), *_faults_of_users(table.get("users", {})), *_faults_of_rest(table)]


def _faults_of_rule(table: Mapping[str, Any]) -> list[str]:
    if not table.get("claim", "sub"):
        return ["oidc.claim: must name a claim, such as sub or email"]
    pattern = table.get("match", "(.+)")
    try:
        groups = re.compile(pattern).groups
    except re.error as exc:
        return [f"oidc.match = {pattern!r}: is not a regular expression:  {exc}"]
    return [] if groups >= 1 else [f"oidc.match = {pattern!r}: must have a group for the user's name"]


def _faults_of_users(users: object) -> list[str]:
    if not isinstance(users, Mapping):
        return [f"oidc.users = {users!r}: must be a table from values of the claim to users"]
    return [f"oidc.users.{value} = {user!r}: must be a name, or a point below {USERS}"
            for value, user in users.items() if user_point(user) is None]  # fmt: skip


def _faults_of_rest(table: Mapping[str, Any]) -> list[str]:
    faults = []
    scopes = table.get("scopes", ("openid",))
    if not isinstance(scopes, list | tuple) or not all(isinstance(s, str) and _SCOPE.fullmatch(s) for s in scopes):
        faults.append(f"oidc.scopes = {scopes!r}: must be a list of scopes")
    elif "openid" not in scopes:
        faults.append(f"oidc.scopes = {scopes!r}: must contain 'openid'")
    seconds = table.get("timeout", 5.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 60:
        faults.append(f"oidc.timeout = {seconds!r}: must be a number of seconds above 0, at most 60")
    return faults


def user_point(user: object) -> Point | None:
    """The point of a user, from a name or a point; None if the text is neither."""
    if not isinstance(user, str):
        return None
    try:
        point = Point.parse(user if ":" in user else f"{USERS}:{user}")
    except ParseError:
        return None
    above, _, name = point.text.rpartition(":")
    return point if above == USERS and name else None


def is_safe_url(url: str) -> bool:
    """Whether the traffic cannot be read or changed in transit: https, or http on this computer."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host or "")))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
