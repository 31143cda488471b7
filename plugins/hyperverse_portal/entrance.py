"""BrowserEntrance: browsers come in with a token, by a link that counts once, or by an OpenID provider, and leave."""

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
"""Paths of the portal itself; all others are for particles."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = 16 * 1024
"""The most bytes of the form to log in."""


class BrowserEntrance:
    """Knows who is logged in.

    Args:
        dashboard: makes the page to log in.
        body_seconds: how long a form may take to arrive.
        oidc: the way in by an OpenID provider; None for none.

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
        """The answer to a request that has to do with it; None for another one. Raises HyperverseError."""
        match request.method, request.path:
            case "GET", "/-/login":
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

    def page(self, request: HttpRequest, wrong: HyperverseError | None = None, code: str = "") -> HttpAnswer:
        """The page to log in.

        Args:
            request: which is answered.
            wrong: why the last attempt has failed.
            code: of a link that lets somebody in once.
        """
        answer = self._dashboard.login(request, wrong, code, "" if self._oidc is None else self._oidc.name)
        if wrong is not None and wrong.status == 401:
            answer = answer.also(www_authenticate="Bearer")
        later = None if wrong is None else wrong.retry_after
        return answer if later is None else answer.also(retry_after=str(max(1, round(later))))

    def token_of(self, request: HttpRequest) -> Shown:
        """The token that a request shows, itself or by a login, or what stands in its place; empty for none.

        Raises:
            Forbidden: a page of another site uses the login of this browser, or the portal itself as a stranger: that
                site may be outside of the network in which the portal lets strangers in.
            Unauthorized: the login has ended, or the request shows something else.
        """
        token = request.bearer
        if token:
            return token
        cookie = request.cookie
        own = bool(cookie) or request.path.startswith(OWN)  # pages of particles are foreign ones, and may send forms
        if own and request.method not in _SAFE and request.is_foreign:
            raise Forbidden("a page of another site may not act for you", hint="use the page of this portal")
        if not cookie:
            return ""
        shown = self._logins.token(cookie)
        if not shown:
            raise Unauthorized("your login has ended", hint="log in again at /-/")
        return shown

    def forget(self, shown: Shown) -> None:
        """Ends the logins with what counts no more."""
        self._logins.drop(shown)

    def invite(self, token: str) -> str:
        """The path, below the portal's own, of a link that lets whoever follows it in, once."""
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
        """The token of a form to log in: its own, or that of a link which lets somebody in once. Raises
        Unauthorized."""
        code = form.get("once", [""])[0]
        token = self._logins.take(code) if code else form.get("token", [""])[0].strip()
        if token:
            return token
        if code:
            raise Unauthorized("this link was used, or is too old", hint="hyperverse user token NAME prints a token")
        raise Unauthorized("the form has no token", hint="hyperverse user token NAME prints one")

    def _log_out(self, request: HttpRequest) -> HttpAnswer:
        if request.is_foreign:
            raise Forbidden("a page of another site may not log you out", hint="use the page of this portal")
        shown = self._logins.token(request.cookie)
        self._logins.remove(request.cookie)
        if shown and not isinstance(shown, str):  # a token may be in use elsewhere; this belongs to one login
            self.agents.end(shown, "the browser has logged out")
        return HttpAnswer(303, b"", ((b"location", f"{request.prefix}/-/".encode()), _cookie(request, "", 0)))

    async def _come_back(self, request: HttpRequest, oidc: OidcLogin) -> HttpAnswer:
        """A browser comes back from the provider."""
        try:
            shown = await oidc.finish(request)
            try:
                await self.agents.of(shown, request.address)
            except Unauthorized as exc:  # the policy knows no such user: to ask for a log-in again would not help
                raise Forbidden(exc.message, hint=exc.hint) from exc
        except HyperverseError as exc:
            return self.page(request, exc).with_header(*oidc.forget(request))
        # A redirect would still count as a step of the other site, and come without the cookie.
        answer = answer_html(page("entered.html"), request)
        cookie = _cookie(request, self._logins.add(shown), int(SECONDS))
        return answer.with_header(*oidc.forget(request)).with_header(*cookie)


def _cookie(request: HttpRequest, login: str, seconds: int) -> tuple[bytes, bytes]:
    secure = "; Secure" if request.is_secure else ""
    cookie = f"{COOKIE}={login}; Path={request.prefix}/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    return b"set-cookie", cookie.encode()
