"""Followers: pages of particles that may follow changes of their own particle.

A browser gives such a page an origin of its own, so what it asks looks like what any page of any site asks. The portal
gives a word to the particle when it is asked for a page; a page that knows the word was written by that particle.
"""

from __future__ import annotations

import hmac
import secrets
from functools import lru_cache
from typing import Final

from hyperverse_core.errors import Forbidden
from hyperverse_core.values import Point

from .hosts import point_of
from .request import HttpRequest
from .settings import PortalSettings

__all__ = ["WORD", "Followers"]

WORD: Final = "hyperverse-follow"
"""The header by which a particle gets the word."""


class Followers:
    """Makes the words, and knows them again.

    Args:
        settings: name the hosts.
        secret: of the owner, from which the words are made, so that they count after a restart and on each machine;
            empty when there is none: then they end with the portal.
    """

    def __init__(self, settings: PortalSettings, secret: str) -> None:
        self._settings = settings
        self._key = hmac.digest((secret or secrets.token_hex()).encode(), b"follow", "sha256")
        self.word = lru_cache(maxsize=256)(self._word)

    def _word(self, point: str) -> str:
        """The word of a particle."""
        return hmac.digest(self._key, point.encode(), "sha256")[:18].hex()

    def of(self, request: HttpRequest, word: str) -> str:
        """The point that a page may follow: that of the host at which it is. Raises Forbidden for a wrong word."""
        own = Point.parse(point_of(request.host, self._settings)).text
        if not hmac.compare_digest(word.encode("utf-8", "surrogateescape"), self.word(own).encode()):
            raise Forbidden(
                "no page of the particle at this host has said that",
                hint=f"its handler gets the word in the header {WORD!r} when a browser asks for a page",
            )
        return own
