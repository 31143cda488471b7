"""Logins: a browser keeps a login instead of a token, so that no page, URL or history contains the token."""

from __future__ import annotations

import secrets
import time
from typing import Final

from hyperverse_core.errors import TooMany

from .agents import Shown

__all__ = ["SECONDS", "Logins"]

SECONDS: Final = 12 * 3600.0
"""Seconds for which a login is valid."""
_MOST: Final = 10_000
_INVITED: Final = 15 * 60.0
"""Seconds for which a one-time link is valid."""


class Logins:
    """Keeps the token of each login in memory."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[Shown, float]] = {}
        self._invitations: dict[str, tuple[str, float]] = {}

    def add(self, token: Shown) -> str:
        """Starts a login and returns the secret that the browser keeps. Raises TooMany.

        Args:
            token: a token that the policy knows, or its substitute.
        """
        now = time.monotonic()
        if len(self._tokens) >= _MOST:
            self._tokens = {name: kept for name, kept in self._tokens.items() if kept[1] > now}
            if len(self._tokens) >= _MOST:
                raise TooMany(f"{_MOST} browsers are logged in", hint="log some of them out", retry_after=60.0)
        name = secrets.token_urlsafe(32)
        self._tokens[name] = (token, now + SECONDS)
        return name

    def token(self, name: str) -> Shown:
        """Returns the token of a login or its substitute; empty if the login is unknown or has expired."""
        token, ends = self._tokens.get(name, ("", 0.0))
        return token if ends > time.monotonic() else ""

    def invite(self, token: str) -> str:
        """Returns a one-time code for a token. It is valid for a quarter of an hour."""
        code = secrets.token_urlsafe(24)
        self._invitations[code] = (token, time.monotonic() + _INVITED)
        return code

    def take(self, code: str) -> str:
        """Returns the token of a one-time code and makes the code invalid; empty if the code is unknown or has
        expired."""
        token, ends = self._invitations.pop(code, ("", 0.0))
        return token if ends > time.monotonic() else ""

    def remove(self, name: str) -> None:
        """Ends a login. An unknown login is not an error."""
        self._tokens.pop(name, None)

    def drop(self, token: Shown) -> None:
        """Ends all logins with that token, which is no longer valid."""
        for name in [name for name, kept in self._tokens.items() if kept[0] == token]:
            del self._tokens[name]
