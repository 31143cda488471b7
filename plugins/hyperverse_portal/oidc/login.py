"""OidcLogin: sends a browser to the provider and back, by the authorization code flow with PKCE."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from typing import Final

import attrs
from authlib.integrations.httpx_client import AsyncOAuth2Client

from hyperverse_core.errors import BadRequest, Forbidden
from hyperverse_core.policy import Vouched

from ..answer import HttpAnswer
from ..api import query_of
from ..logins import SECONDS
from ..request import HttpRequest
from .provider import OpenIdProvider
from .settings import OidcSettings
from .users import user_of

__all__ = ["OidcLogin"]

COOKIE: Final = "hyperverse_oidc"
_AWAY: Final = 10 * 60
"""Seconds that a login at the provider may take."""
_MOST: Final = 10_000
"""Greatest number of logins in progress. One more makes the portal forget the oldest."""
_LONGEST: Final = 4096


@attrs.frozen
class _Question:
    """A login in progress at the provider.

    Attributes:
        nonce: the nonce that the ID token must repeat.
        verifier: the secret of PKCE.
        back: the address to which the browser returns.
        ends: when it expires.
    """

    nonce: str
    verifier: str
    back: str
    ends: float


class OidcLogin:
    """Sends browsers to the provider, and identifies those that return.

    Args:
        settings: the settings of the portal.

    Attributes:
        name: display name of the provider.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._provider = OpenIdProvider(settings)
        self._questions: OrderedDict[str, _Question] = OrderedDict()
        self.name = settings.shown_name

    async def begin(self, request: HttpRequest) -> HttpAnswer:
        """Sends a browser to the provider. Raises Unavailable."""
        said = await self._provider.metadata()
        back = f"{request.portal}oidc-done"
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        client = AsyncOAuth2Client(
            self._settings.client_id,
            scope=" ".join(self._settings.scopes),
            redirect_uri=back,
            code_challenge_method="S256",
        )
        place, _ = client.create_authorization_url(
            said.authorization, state=state, code_verifier=verifier, nonce=nonce, response_type="code"
        )
        await client.aclose()
        self._questions[state] = _Question(nonce, verifier, back, time.monotonic() + _AWAY)
        while len(self._questions) > _MOST:
            self._questions.popitem(last=False)
        return HttpAnswer(303, b"", ((b"location", place.encode()), self._cookie(request, state, _AWAY))).also(
            cache_control="no-store"
        )

    async def finish(self, request: HttpRequest) -> Vouched:
        """Identifies a browser that returns from the provider.

        Raises:
            BadRequest: this browser has not started a login, or started it too long ago.
            Forbidden: the provider does not identify the user, or names one that the settings do not map.
            Unavailable: the provider cannot be reached.
        """
        query = dict(query_of(request))
        state, shown = query.get("state", ""), request.cookie_of(COOKIE)
        question = self._questions.pop(state, None) if state and _same(state, shown) else None
        if question is None or question.ends < time.monotonic():
            raise BadRequest("this browser has not started this login, or started it too long ago", hint="log in again")
        said = await self._provider.metadata()
        name = self._settings.shown_name
        if query.get("iss", "" if said.names_itself else self._settings.issuer) != self._settings.issuer:
            raise Forbidden("the answer did not come from the provider of this login", hint="log in again")
        if "error" in query:
            told = query.get("error_description") or query["error"]
            raise Forbidden(f"{name} has refused the login: {told[:200]!r}", hint="log in again")
        code = query.get("code", "")
        if not 0 < len(code) <= _LONGEST:
            raise BadRequest(f"{name} sent no code", hint="log in again")
        claims = await self._provider.exchange(code, question.verifier, question.back, question.nonce)
        return Vouched(user_of(claims, self._settings), time.time() + SECONDS, f"OpenID of {name}")

    def forget(self, request: HttpRequest) -> tuple[bytes, bytes]:
        """Returns the header that deletes the cookie of the login in progress."""
        return self._cookie(request, "", 0)

    @staticmethod
    def _cookie(request: HttpRequest, state: str, seconds: int) -> tuple[bytes, bytes]:
        """Returns the header that sets the cookie. It is Lax, because the browser returns from another site."""
        secure = "; Secure" if request.is_secure else ""
        text = f"{COOKIE}={state}; Path={request.prefix}/-/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"
        return b"set-cookie", text.encode()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
