"""PortalApp: the ASGI application. It finds out who asks, and hands the request on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from hyperverse_core.errors import Forbidden, HyperverseError, InternalError, NotFound, Unauthorized
from hyperverse_core.gateway import GatewayHost

from .agents import Agents
from .api import answer_api, openapi_of, query_of
from .dashboard.routes import Dashboard
from .events import Streams
from .figures import Figures
from .forwarded import Forwarding
from .http import COOKIE, Disconnected, HttpAnswer, HttpRequest, Receive, Scope, Send, failure
from .logins import SECONDS, Logins
from .particles import ask_particle
from .settings import PortalSettings
from .sockets import Sockets

__all__ = ["PortalApp"]

_log = logging.getLogger("hyperverse.portal")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN: Final = "/-/"
"""Paths of the portal itself; all others are for particles."""


class PortalApp:
    """Answers requests.

    Args:
        host: the machine.
        settings: of the gateway.
    """

    def __init__(self, host: GatewayHost, settings: PortalSettings) -> None:
        self._settings = settings
        self._agents = Agents(host, settings.agents, settings.idle)
        self._streams = Streams(host, settings)
        self._sockets = Sockets(host, settings, self._streams)
        self._forwarding = Forwarding(settings)
        self._logins = Logins()
        self._figures = Figures()
        self._dashboard = Dashboard(settings)
        self._serving = True

    def close(self, reason: str) -> None:
        """Ends all sessions and streams. May be called twice."""
        self._serving = False
        self._streams.close(reason)
        self._agents.close(reason)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Is called by the server for each request."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        without_body = scope["method"] == "HEAD"
        request = None
        try:
            self._forwarding.apply(scope)
            request = HttpRequest(scope, receive)
            answer = await self._answer(request, send)
        except HyperverseError as exc:
            answer = failure(exc)
        except Disconnected:
            return
        except Exception:
            _log.exception("%s could not be answered", scope["method"])
            answer = failure(InternalError("internal error of the portal", hint="please report it; the log has more"))
        if answer is not None:
            self._figures.count(answer.status)
            if request is None or request.unread:
                answer = answer.also(connection="close")  # the next request cannot be told from what is left of this
            await answer.send(send, without_body=without_body)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Is called for each WebSocket."""
        await receive()  # it says that somebody wants to connect
        try:
            self._forwarding.apply(scope)
            request = HttpRequest(scope, receive)
            if request.path != "/-/ws":
                raise NotFound(f"no WebSocket {request.path} in the portal", hint="there is /-/ws")
            if request.is_foreign and not request.bearer:
                raise Forbidden("a page of another site may not act for you", hint="use a page of this portal")
            await self._sockets.serve(request, self._token_of(request), receive, send)
        except HyperverseError as exc:
            refused = failure(exc)
            self._figures.count(refused.status)
            await refused.send(send, kind="websocket.http.response")

    async def _answer(self, request: HttpRequest, send: Send) -> HttpAnswer | None:
        """The answer; None when it was sent already."""
        if request.path.startswith(_OWN):
            return await self._own(request, send)
        return await ask_particle(
            request, await self._agents.of(self._token_of(request), request.address), self._settings
        )

    async def _own(self, request: HttpRequest, send: Send) -> HttpAnswer | None:
        method, path = request.method, request.path
        if path.startswith("/-/api/"):
            return await answer_api(
                request, await self._agents.of(self._token_of(request), request.address), self._settings
            )
        if self._dashboard.has(method, path):
            return await self._page(request)
        match method, path:
            case "GET" | "HEAD", "/-/health":
                return HttpAnswer(200, b"ok\n", ((b"content-type", b"text/plain"),))
            case "GET" | "HEAD", "/-/ready":
                return HttpAnswer(200 if self._serving else 503, b"", ((b"content-type", b"text/plain"),))
            case "GET", "/-/metrics":
                await self._agents.of(self._token_of(request), request.address)
                return self._figures.answer()
            case "GET", "/-/openapi.json":
                return await openapi_of(request, await self._agents.of(self._token_of(request), request.address))
            case "GET", "/-/events":
                await self._streams.serve(request, self._token_of(request), send)
                return None
            case "GET" | "HEAD", _ if path.startswith("/-/static/"):
                return self._dashboard.static(request)
            case "GET", "/-/login":
                return self._dashboard.login(request, code=dict(query_of(request)).get("once", ""))
            case "POST", "/-/login":
                return await self._log_in(request)
            case "POST", "/-/logout":
                if request.is_foreign:
                    raise Forbidden("a page of another site may not log you out", hint="use the page of this portal")
                self._logins.remove(request.cookie)
                return _see_home(request, "", 0)
        raise NotFound(f"no {method} {path} in the portal", hint="see /-/openapi.json")

    def _token_of(self, request: HttpRequest) -> str:
        """The token that a request shows, itself or by a login; empty for none.

        Raises:
            Forbidden: a page of another site uses the login of this browser.
            Unauthorized: the login has ended.
        """
        token = request.bearer
        if token or not request.cookie:
            return token
        if request.method not in _SAFE and request.is_foreign:
            raise Forbidden("a page of another site may not act for you", hint="use the page of this portal")
        token = self._logins.token(request.cookie)
        if not token:
            raise Unauthorized("your login has ended", hint="log in again at /-/")
        return token

    async def _log_in(self, request: HttpRequest) -> HttpAnswer:
        if request.is_foreign:
            raise Forbidden("a page of another site may not log you in", hint="use the page of this portal")
        form = parse_qs((await request.raw_body(16 * 1024, self._settings.body_seconds)).decode("utf-8", "replace"))
        try:
            token = self._shown_in(form)
            await self._agents.of(token, request.address)
        except Unauthorized as exc:
            return self._dashboard.login(request, exc)
        return _see_home(request, self._logins.add(token), int(SECONDS))

    def _shown_in(self, form: Mapping[str, Sequence[str]]) -> str:
        """The token of a form to log in: its own, or that of a link which lets somebody in once. Raises
        Unauthorized."""
        code = form.get("once", [""])[0]
        token = self._logins.take(code) if code else form.get("token", [""])[0].strip()
        if token:
            return token
        if code:
            raise Unauthorized("this link was used, or is too old", hint="hyperverse user token NAME prints a token")
        raise Unauthorized("the form has no token", hint="hyperverse user token NAME prints one")

    async def _page(self, request: HttpRequest) -> HttpAnswer:
        """A page of the dashboard. A browser that shows nothing gets the page to log in."""
        agent = ""
        if not request.bearer and not request.cookie:
            return self._dashboard.login(request)
        try:
            session = await self._agents.of(self._token_of(request), request.address)
            agent = session.agent.text
            return await self._dashboard.answer(request, session)
        except HyperverseError as exc:
            return self._dashboard.failure(request, exc, agent)

    def invite(self, token: str) -> str:
        """The path, below the portal's own, of a link that lets whoever follows it in, once."""
        return f"login?once={self._logins.invite(token)}"


def _see_home(request: HttpRequest, login: str, seconds: int) -> HttpAnswer:
    secure = "; Secure" if request.is_secure else ""
    cookie = f"{COOKIE}={login}; Path={request.prefix}/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    place = f"{request.prefix}/-/".encode()
    return HttpAnswer(303, b"", ((b"location", place), (b"set-cookie", cookie.encode())))
