"""BrowserEntrance: logs browsers in, with a token, a one-time link or an OpenID provider, and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from hyperverse_core.errors import Forbidden, HyperverseError, Unauthorized

from .agents import Agents, Shown
from .answer import HttpAnswer
from .api import query_of
from .dashboard.rendering import answer_html, page
from .dashboard.routes import Dashboard
from .logins import SECONDS, Logins
from .request import COOKIE, HttpRequest

if TYPE_CHECKING:
    from .oidc.login import OidcLogin

__all__ = ["OWN", "BrowserEntrance"]

OWN: Final = "/-/"
"""Paths of the portal itself. All other paths belong to particles."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = 16 * 1024
"""The largest login form, in bytes."""


class BrowserEntrance:
    """Keeps track of who is logged in.

    Args:
        dashboard: makes the login page.
        body_seconds: seconds that a form may take to arrive.
        oidc: login through an OpenID provider; None if there is none.

    Attributes:
        agents: opens sessions.
    """

    agents: Agents

    def __init__(self, dashboard: Dashboard, body_seconds: float, oidc: OidcLogin | None) -> None:
        self._dashboard = dashboard
        self._seconds = body_seconds
        self._oidc = oidc
        self._logins = Logins()

    async def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """Returns the answer to a request to log in or out; None for any other request. Raises HyperverseError."""
        match request.method, request.path:
            case "GET" | "HEAD", "/-/login":
                return self.page(request, code=dict(query_of(request)).get("once", ""))
            case "POST", "/-/login":
                return await self._log_in(request)
            case "POST", "/-/logout":
                return self._log_out(request)
            case "GET", "/-/oidc" if self._oidc is not None:
                try:
                    return await self._oidc.begin(request)
                except HyperverseError as exc:
                    return self.page(request, exc)
            case "GET", "/-/oidc-done" if self._oidc is not None:
                return await self._come_back(request, self._oidc)
        return None

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that a path for logging in or out accepts; none if the path is not one."""
        match path:
            case "/-/login":
                return ("GET", "HEAD", "POST")
            case "/-/logout":
                return ("POST",)
            case "/-/oidc" | "/-/oidc-done" if self._oidc is not None:
                return ("GET",)
        return ()

    def page(self, request: HttpRequest, wrong: HyperverseError | None = None, code: str = "") -> HttpAnswer:
        """Returns the login page.

        Args:
            request: the request to answer.
            wrong: why the last attempt failed.
            code: the code of a one-time link.
        """
        answer = self._dashboard.login(request, wrong, code, "" if self._oidc is None else self._oidc.name)
        if wrong is not None and wrong.status == 401:
            answer = answer.also(www_authenticate="Bearer")
        later = None if wrong is None else wrong.retry_after
        return answer if later is None else answer.also(retry_after=str(max(1, round(later))))

    def token_of(self, request: HttpRequest) -> Shown:
        """Returns the token of a request, from its header or its login, or the substitute of the token; empty if there
        is none.

        Raises:
            Forbidden: a page of another site uses this browser's login, or the portal's own paths as a stranger. That
                site may be outside the network whose strangers the portal accepts.
            Unauthorized: the login has expired, or the header is not a bearer token.
        """
        token = request.bearer
        if token:
            return token
        cookie = request.cookie
        own = bool(cookie) or request.path.startswith(OWN)  # pages of particles count as other sites
        if own and request.method not in _SAFE and request.is_foreign:
            raise Forbidden("a page of another site may not act on your behalf", hint="use the page of this portal")
        if not cookie:
            return ""
        shown = self._logins.token(cookie)
        if not shown:
            raise Unauthorized("your login has ended", hint="log in again at /-/")
        return shown

    def forget(self, shown: Shown) -> None:
        """Ends the logins of a token that is no longer valid."""
        self._logins.drop(shown)

    def invite(self, token: str) -> str:
        """The path of a link that logs one browser in, once; relative to the portal's own path."""
        return f"login?once={self._logins.invite(token)}"

    async def _log_in(self, request: HttpRequest) -> HttpAnswer:
        if request.is_foreign:
            raise Forbidden("a page of another site may not log you in", hint="use the page of this portal")
        form = parse_qs((await request.raw_body(_FORM, self._seconds)).decode("utf-8", "replace"))
        try:
            token = self._shown_in(form)
            await self.agents.of(token, request.address)
        except Unauthorized as exc:
            return self.page(request, exc)
        place = f"{request.prefix}/-/".encode()
        cookie = _cookie(request, self._logins.add(token), int(SECONDS))
        return HttpAnswer(303, b"", ((b"location", place), cookie))

    def _shown_in(self, form: Mapping[str, Sequence[str]]) -> str:
        """Returns the token of a login form: the one in the form, or that of a one-time link. Raises Unauthorized."""
        code = form.get("once", [""])[0]
        token = self._logins.take(code) if code else form.get("token", [""])[0].strip()
        if token:
            return token
        if code:
            raise Unauthorized("this link has expired or was already used", hint="run: hyperverse user token NAME")
        raise Unauthorized("the form has no token", hint="run: hyperverse user token NAME")

    def _log_out(self, request: HttpRequest) -> HttpAnswer:
        if request.is_foreign:
            raise Forbidden("a page of another site may not log you out", hint="use the page of this portal")
        shown = self._logins.token(request.cookie)
        self._logins.remove(request.cookie)
        if shown and not isinstance(shown, str):  # a token may be in use elsewhere
            self.agents.end(shown, "the browser has logged out")
        return HttpAnswer(303, b"", ((b"location", f"{request.prefix}/-/".encode()), _cookie(request, "", 0)))

    async def _come_back(self, request: HttpRequest, oidc: OidcLogin) -> HttpAnswer:
        """Handles a browser that returns from the provider."""
        try:
            shown = await oidc.finish(request)
            try:
                await self.agents.of(shown, request.address)
            except Unauthorized as exc:  # the policy does not know the user; logging in again would not help
                raise Forbidden(exc.message, hint=exc.hint) from exc
        except HyperverseError as exc:
            return self.page(request, exc).with_header(*oidc.forget(request))
        # After a redirect, the request would still count as coming from the other site, and the browser would send no
        # cookie.
        answer = answer_html(page("entered.html"), request)
        cookie = _cookie(request, self._logins.add(shown), int(SECONDS))
        return answer.with_header(*oidc.forget(request)).with_header(*cookie)


def _cookie(request: HttpRequest, login: str, seconds: int) -> tuple[bytes, bytes]:
    secure = "; Secure" if request.is_secure else ""
    cookie = f"{COOKIE}={login}; Path={request.prefix}/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    return b"set-cookie", cookie.encode()
