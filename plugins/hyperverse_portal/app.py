"""PortalApp: the ASGI application. It identifies the agent of each request and passes the request on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hyperverse_core.errors import Forbidden, HyperverseError, InternalError, NotFound, Unauthorized
from hyperverse_core.gateway import GatewayHost

from .agents import Agents
from .answer import HttpAnswer, Send, failure, not_allowed
from .api import answer_api, openapi_of
from .dashboard.routes import Dashboard
from .entrance import OWN, BrowserEntrance
from .events import Streams
from .figures import Figures
from .followers import Followers
from .forwarded import Forwarding
from .particles import ask_particle
from .request import Disconnected, HttpRequest, Receive, Scope
from .settings import PortalSettings
from .sockets import Sockets

if TYPE_CHECKING:
    from .oidc.login import OidcLogin

__all__ = ["PortalApp"]

_log = logging.getLogger("hyperverse.portal")
_READ = frozenset({"/-/health", "/-/ready", "/-/metrics", "/-/openapi.json"})
"""The portal's own read-only paths, in addition to pages and files."""


class PortalApp:
    """Answers requests.

    Args:
        host: the machine.
        settings: settings of the gateway.
        oidc: login through an OpenID provider; None if there is none.
        owner: token of the machine's owner; empty if this host does not have it.
    """

    def __init__(
        self, host: GatewayHost, settings: PortalSettings, oidc: OidcLogin | None = None, *, owner: str = ""
    ) -> None:
        self._settings = settings
        self._dashboard = Dashboard(settings)
        self._entrance = BrowserEntrance(self._dashboard, settings.body_seconds, oidc)
        self._agents = Agents(host, settings.agents, settings.idle, self._entrance.forget)
        self._entrance.agents = self._agents
        self._followers = Followers(settings, owner)
        self._streams = Streams(host, settings, self._followers)
        self._sockets = Sockets(host, settings, self._streams)
        self._forwarding = Forwarding(settings)
        self._figures = Figures()
        self._serving = True

    def close(self, reason: str) -> None:
        """Ends all sessions and streams. May be called twice."""
        self._serving = False
        self._streams.close(reason)
        self._agents.close(reason)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one HTTP request. The server calls it."""
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
                answer = answer.also(connection="close")  # the rest of this body could be read as the next request
            elif request.exchange is not None and answer.send_at_once(request.exchange, without_body=without_body):
                return
            await answer.send(send, without_body=without_body)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one WebSocket."""
        await receive()  # the first message announces the connection
        try:
            self._forwarding.apply(scope)
            request = HttpRequest(scope, receive)
            if request.path != "/-/ws":
                raise NotFound(f"no WebSocket {request.path} in the portal", hint="there is /-/ws")
            if request.is_foreign and not request.bearer:
                raise Forbidden("a page of another site may not act on your behalf", hint="use a page of this portal")
            await self._sockets.serve(request, self._entrance.token_of(request), receive, send)
        except HyperverseError as exc:
            refused = failure(exc)
            self._figures.count(refused.status)
            await refused.send(send, kind="websocket.http.response")

    async def _answer(self, request: HttpRequest, send: Send) -> HttpAnswer | None:
        """Returns the answer; None if it has already been sent."""
        if request.path.startswith(OWN):
            return await self._own(request, send)
        return await ask_particle(
            request,
            await self._agents.of(self._entrance.token_of(request), request.address),
            self._settings,
            self._followers,
        )

    async def _own(self, request: HttpRequest, send: Send) -> HttpAnswer | None:
        method, path = request.method, request.path
        if path.startswith("/-/api/"):
            return await answer_api(
                request, await self._agents.of(self._entrance.token_of(request), request.address), self._settings
            )
        if method in self._dashboard.methods(path):
            return await self._page(request)
        match method, path:
            case "GET" | "HEAD", "/-/health":
                return HttpAnswer(200, b"ok\n", ((b"content-type", b"text/plain"),))
            case "GET" | "HEAD", "/-/ready":
                return HttpAnswer(200 if self._serving else 503, b"", ((b"content-type", b"text/plain"),))
            case "GET" | "HEAD", "/-/metrics":
                session = await self._agents.of(self._entrance.token_of(request), request.address)
                return await self._figures.answer(session, self._settings.wait)
            case "GET" | "HEAD", "/-/openapi.json":
                return await openapi_of(
                    request, await self._agents.of(self._entrance.token_of(request), request.address)
                )
            case "GET", "/-/events":
                await self._streams.serve(request, self._entrance.token_of(request), send)
                return None
            case "GET" | "HEAD", _ if path.startswith("/-/static/"):
                return self._dashboard.static(request)
        answer = await self._entrance.answer(request)
        if answer is not None:
            return answer
        allowed = self._methods(path)
        if allowed:
            return not_allowed(method, path, allowed)
        raise NotFound(f"no {path} in the portal", hint="see /-/openapi.json")

    def _methods(self, path: str) -> tuple[str, ...]:
        """The methods that one of the portal's own paths accepts; none if there is no such path."""
        if path == "/-/events":
            return ("GET",)
        if path in _READ or path.startswith("/-/static/"):
            return ("GET", "HEAD")
        return self._dashboard.methods(path) or self._entrance.methods(path)

    async def _page(self, request: HttpRequest) -> HttpAnswer:
        """Returns a page of the dashboard. A browser without a login sees what the policy shows to strangers, or the
        login page if the policy accepts no strangers."""
        agent, shown = "", None
        try:
            shown = self._entrance.token_of(request)
            session = await self._agents.of(shown, request.address)
            agent = session.agent.text
            return await self._dashboard.answer(request, session)
        except Unauthorized as exc:
            return self._entrance.page(request, None if shown == "" else exc)
        except HyperverseError as exc:
            if shown == "" and not agent:  # the owner can still log in while strangers cannot be identified
                return self._entrance.page(request, exc)
            return self._dashboard.failure(request, exc, agent)

    def invite(self, token: str) -> str:
        """The path of a link that logs one browser in, once; relative to the portal's own path."""
        return self._entrance.invite(token)
