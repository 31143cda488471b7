"""An OpenID provider in the process of the tests, on a socket of its own. It can be told to do wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import html
import json
import socket
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from patience import until

__all__ = ["CLIENT", "SECRET", "Provider", "provider"]

CLIENT, SECRET = "hyperverse", "of-the-client"  # pragma: allowlist secret - of the tests


class Provider:
    """Keeps the rules of the authorization code flow with PKCE.

    Attributes:
        claims: of whoever logs in.
        lies: claims of the ID token that are not as they should be.
        signed: by which algorithm, when it is not that of the key.
        down: whether every answer is 503.
        waits: whether it shows a page, and a browser comes back by a link.
        asked: paths that were asked for.
        tokens: ID tokens and codes that were given.
    """

    def __init__(self) -> None:
        self.issuer = ""
        self.claims: dict[str, Any] = {"sub": "ann"}
        self.lies: dict[str, Any] = {}
        self.signed = ""
        self.down = False
        self.waits = False
        self.refuses = ""
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.secrets: list[str] = []
        self.key: Any = _first_key()
        self._codes: dict[str, dict[str, str]] = {}

    def turn_key(self) -> None:
        """Signs with another key from now on, and shows that one alone."""
        self.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"}, private=True)

    def app(self) -> Starlette:
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/keys", self._keys),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    def _seen(self, request: Request) -> Response | None:
        self.asked.append(request.url.path)
        return Response("out of order", 503) if self.down else None

    async def _metadata(self, request: Request) -> Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return self._seen(request) or JSONResponse(said)

    async def _keys(self, request: Request) -> Response:
        return self._seen(request) or JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if self.refuses:
            answer = {"error": self.refuses, "state": asked["state"], "iss": self.issuer}
        else:
            assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
            assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
            code = f"code-{len(self._codes)}"
            self._codes[code] = asked
            self.tokens.append(code)
            answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        back = f"{asked['redirect_uri']}?{urlencode(answer)}"
        if self.waits:
            return HTMLResponse(f'<link rel="icon" href="data:,"><a id="go-back" href="{html.escape(back)}">Go</a>')
        return self._seen(request) or RedirectResponse(back, 302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        shown = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        asked = self._codes.pop(form.get("code", ""), None)
        self.secrets.append(form.get("code_verifier", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if shown != f"{CLIENT}:{SECRET}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if asked is None or asked["code_challenge"] != proved or asked["redirect_uri"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self._id_token(asked["nonce"])
        self.tokens.append(token)
        said = {"access_token": "of-no-use", "token_type": "Bearer", "expires_in": 60, "id_token": token}
        return self._seen(request) or JSONResponse(said)

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims}
        said = {name: value for name, value in {**said, **self.lies}.items() if value is not None}
        header = {"alg": self.signed or ("RS256" if isinstance(self.key, RSAKey) else "ES256"), "kid": self.key.kid}
        key = self.key
        if self.signed in ("HS256", "none"):
            return _by_hand(self.signed, said, self.key.as_pem(private=False))
        if self.signed == "other":
            header["alg"], key = "RS256", RSAKey.generate_key(2048, private=True)
        return jwt.encode(header, said, key, algorithms=["RS256", "ES256"])


@lru_cache(maxsize=1)
def _first_key() -> RSAKey:
    """It takes half a second to make."""
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)


def _by_hand(algorithm: str, said: dict[str, Any], public: bytes) -> str:
    """A token that libraries refuse to make: without a signature, or as if the public key were a shared secret."""
    parts = [json.dumps({"alg": algorithm, "kid": "one"}).encode(), json.dumps(said).encode()]
    text = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    signature = hmac.digest(public, text.encode(), "sha256") if algorithm == "HS256" else b""
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@contextlib.asynccontextmanager
async def provider(host: str = "127.0.0.1") -> AsyncIterator[Provider]:
    """The provider, while it listens; it calls itself by that name of this computer."""
    made = Provider()
    config = uvicorn.Config(made.app(), ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        made.issuer = f"http://{host}:{listening.getsockname()[1]}"
        task = asyncio.create_task(server._serve([listening]))
        await until(lambda: server.started, "the provider listens")
        try:
            yield made
        finally:
            server.should_exit = True
            await task
