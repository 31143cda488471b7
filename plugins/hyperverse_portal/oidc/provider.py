"""The provider: its metadata, its keys, and the exchange of a code for an ID token."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import attrs
import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hyperverse_core.errors import Forbidden, Unavailable

from .id_token import claims_of, names_key
from .settings import OidcSettings, is_safe_url

__all__ = ["Metadata", "OpenIdProvider"]

_FRESH: Final = 3600.0
"""Seconds for which the metadata of the provider is kept."""
_AGAIN: Final = 5.0
"""Seconds between two requests to a provider that failed."""
_KEYS_AGAIN: Final = 30.0
"""Least number of seconds between two requests for the keys, if tokens with an unknown key cause them."""
_LARGEST: Final = 1024 * 1024
_BY_HEADER, _BY_POST = "client_secret_basic", "client_secret_post"
_log = logging.getLogger("hyperverse.portal")


@attrs.frozen
class Metadata:
    """The metadata of a provider.

    Attributes:
        authorization: the address to which browsers are sent.
        token: the address at which a code is exchanged.
        keys_at: the address of its keys.
        keys: its keys.
        algorithms: its signature algorithms; None if it declares none.
        secret_by: the way in which a client sends its secret.
        names_itself: whether it sends its issuer when a browser returns.
    """

    authorization: str
    token: str
    keys_at: str
    keys: KeySet
    algorithms: frozenset[str] | None
    secret_by: str
    names_itself: bool


class OpenIdProvider:
    """One provider.

    Args:
        settings: settings of the portal.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._known: Metadata | None = None
        self._asked = self._keys_asked = -_FRESH
        self._failure = ""
        self._asking = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Returns the metadata, which is kept for an hour, and longer while the provider cannot be reached.

        Raises:
            Unavailable: the provider cannot be reached, and never could.
        """
        async with self._asking:
            since = time.monotonic() - self._asked
            if self._known is not None and since < (_AGAIN if self._failure else _FRESH):
                return self._known
            if self._failure and since < _AGAIN:
                raise self._unavailable()
            try:
                self._known, self._failure = await self._discover(), ""
            except _Failed as exc:
                self._failure = str(exc)
                _log.warning("the OpenID provider %s cannot be used: %s", self._settings.issuer, exc)
            self._asked = time.monotonic()
            if self._known is None:
                raise self._unavailable()
            return self._known

    def _unavailable(self) -> Unavailable:
        return Unavailable(
            f"{self._settings.shown_name} cannot identify you now: {self._failure}",
            hint="log in with a token, or try again",
            retry_after=_AGAIN,
        )

    async def exchange(self, code: str, verifier: str, back: str, nonce: str) -> Mapping[str, Any]:
        """Exchanges a code and returns the claims of the ID token.

        Args:
            code: the code that the browser sent.
            verifier: the PKCE verifier of the login.
            back: the address to which the browser returned.
            nonce: the nonce of the login.

        Raises:
            Forbidden: the provider refuses the code, or its ID token is not valid.
            Unavailable: the provider cannot be reached.
        """
        said = await self.metadata()
        token = await self._id_token(said, code, verifier, back)
        keys = said.keys
        if not names_key(token, keys):
            keys = await self._newer_keys(said)
        settings = self._settings
        return claims_of(
            token, keys, issuer=settings.issuer, client_id=settings.client_id, nonce=nonce, algorithms=said.algorithms
        )

    async def _id_token(self, said: Metadata, code: str, verifier: str, back: str) -> str:
        settings = self._settings
        client = AsyncOAuth2Client(
            settings.client_id,
            str(settings.client_secret) or None,
            token_endpoint_auth_method=said.secret_by if settings.client_secret else "none",
            redirect_uri=back,
            timeout=settings.timeout,
            follow_redirects=False,
        )
        try:
            async with asyncio.timeout(settings.timeout), client:
                answer = await client.fetch_token(
                    said.token, code=code, code_verifier=verifier, grant_type="authorization_code"
                )
        except OAuthError as exc:
            raise Forbidden(
                f"{settings.shown_name} does not accept the code that it issued:  {_told(exc.error)}",
                hint="log in again; the operator of the portal can check client_id and client_secret",
            ) from exc
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as exc:
            self._failure = _cause(exc)
            raise self._unavailable() from exc
        token = answer.get("id_token") if isinstance(answer, Mapping) else None
        if not isinstance(token, str):
            raise Forbidden(f"{settings.shown_name} has sent no ID token", hint="[portal.oidc] scopes needs 'openid'")
        return token

    async def _newer_keys(self, said: Metadata) -> KeySet:
        """Returns the keys again after a token with an unknown key, because the provider may have replaced them."""
        async with self._asking:
            if time.monotonic() - self._keys_asked >= _KEYS_AGAIN:
                self._keys_asked = time.monotonic()
                try:
                    keys = _keys(await self._get(said.keys_at))
                except _Failed as exc:
                    _log.warning("the keys of the OpenID provider cannot be read: %s", exc)
                else:
                    self._known = attrs.evolve(said, keys=keys)
            return said.keys if self._known is None else self._known.keys

    async def _discover(self) -> Metadata:
        issuer = self._settings.issuer
        said = await self._get(issuer.removesuffix("/") + "/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise _Failed(f"it calls itself {_told(said.get('issuer'))}, not {issuer!r}")
        places: list[str] = []
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            place = said.get(name)
            if not isinstance(place, str) or not is_safe_url(place):
                raise _Failed(f"its {name} is not an https URL")
            places.append(place)
        algorithms = said.get("id_token_signing_alg_values_supported")
        methods = said.get("token_endpoint_auth_methods_supported", [_BY_HEADER])
        by_post = isinstance(methods, list) and _BY_HEADER not in methods and _BY_POST in methods
        self._keys_asked = time.monotonic()
        authorization, token, keys_at = places
        return Metadata(
            authorization=authorization,
            token=token,
            keys_at=keys_at,
            keys=_keys(await self._get(keys_at)),
            algorithms=frozenset(map(str, algorithms)) if isinstance(algorithms, list) else None,
            secret_by=_BY_POST if by_post else _BY_HEADER,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )

    async def _get(self, url: str) -> dict[str, Any]:
        """Returns the JSON object at a URL. Raises _Failed."""
        content = b""
        seconds = self._settings.timeout
        try:
            async with (
                asyncio.timeout(seconds),
                httpx2.AsyncClient(timeout=seconds, follow_redirects=False) as client,
                client.stream("GET", url, headers={"accept": "application/json"}) as answer,
            ):
                if answer.status_code != 200:
                    raise _Failed(f"{url} answers {answer.status_code}")
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > _LARGEST:
                        raise _Failed(f"{url} is larger than {_LARGEST} bytes")
            said = msgspec.json.decode(content)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as exc:
            raise _Failed(f"{url}: {_cause(exc)}") from exc
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise _Failed(f"{url} is not JSON") from exc
        if not isinstance(said, dict):
            raise _Failed(f"{url} is not a JSON object")
        return said


class _Failed(Exception):
    """The provider cannot be used. The message says why."""


def _keys(said: Any) -> KeySet:
    """Returns the usable keys of a JWK Set. Raises _Failed."""
    found = said.get("keys")
    keys = []
    for each in found if isinstance(found, list) else ():
        try:
            if isinstance(each, dict) and each.get("kty") != "oct" and each.get("use", "sig") == "sig":
                keys += KeySet.import_key_set({"keys": [each]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # a key of an unknown type; a token that is signed with it is refused
    if not keys:
        raise _Failed("it has no usable key")
    return KeySet(keys)


def _told(text: object) -> str:
    """Returns a text from the provider in a form that is safe to show."""
    return repr(str(text)[:100])


def _cause(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError | httpx2.TimeoutException):
        return "it does not answer in time"
    return str(exc) or type(exc).__name__
