"""Followers: pages of a particle that may follow the changes of that particle.

A browser gives such a page an origin of its own, so its requests look like those of any other site. When the portal
requests a page from a particle, it passes a secret word to the particle. A page that knows the word was written by that
particle.
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
"""The header in which a particle gets the word."""


class Followers:
    """Makes the words and checks them.

    Args:
        settings: the settings that name the hosts.
        secret: the owner's secret, from which the words are derived, so that they stay valid after a restart and on
            every machine; if it is empty, the words are valid until the portal stops.
    """

    def __init__(self, settings: PortalSettings, secret: str) -> None:
        self._settings = settings
        self._key = hmac.digest((secret or secrets.token_hex()).encode(), b"follow", "sha256")
        self.word = lru_cache(maxsize=256)(self._word)

    def _word(self, point: str) -> str:
        """The word of a particle."""
        return hmac.digest(self._key, point.encode(), "sha256")[:18].hex()

    def of(self, request: HttpRequest, word: str) -> str:
        """Returns the point that a page may follow: the one that its host serves. Raises Forbidden for a wrong word."""
        own = Point.parse(point_of(request.host, self._settings)).text
        if not hmac.compare_digest(word.encode("utf-8", "surrogateescape"), self.word(own).encode()):
            raise Forbidden(
                "this is not the word of the particle at this host",
                hint=f"its handler gets the word in the header {WORD!r} when a browser asks for a page",
            )
        return own
