"""HTTP to particles: the Host header selects the particle, and the request becomes a wave through its bind."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from hyperverse_core import Outcome, Pong
from hyperverse_core.errors import NotFound, ParseError
from hyperverse_core.gateway import Session
from hyperverse_core.values import Method, Point

from .answer import HttpAnswer, answer_of, not_allowed
from .followers import WORD, Followers
from .hosts import point_of, unknown_host
from .request import HttpRequest
from .settings import PortalSettings
from .trace_context import trace_headers

__all__ = ["ask_particle"]

_NAMES: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_METHODS: Final = {name: Method.parse(f"Http<{name.title()}>") for name in _NAMES}
_GET, _HEAD = _METHODS["GET"], _METHODS["HEAD"]
_NAMES_PASSED_ON: Final = (
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "range",
)
_PASSED_ON: Final = {name.encode(): name for name in _NAMES_PASSED_ON}
"""Headers that the particle receives, in addition to the trace headers. Tokens and cookies stay in the portal."""
_SANDBOX: Final = (b"content-security-policy", b"sandbox allow-forms allow-modals allow-popups allow-scripts")
"""With this header, the browser gives pages of particles an origin of their own, so their scripts cannot use the
reader's login."""


async def ask_particle(
    request: HttpRequest, session: Session, settings: PortalSettings, followers: Followers
) -> HttpAnswer:
    """Sends a request to its particle.

    Args:
        request: the request.
        session: the session of the agent.
        settings: the settings that name the hosts.
        followers: makes the word that the particle gets for its page.

    Raises:
        NotFound: no particle answers for that host.
        HyperverseError: the body cannot be used.
    """
    point = _parsed(point_of(request.host, settings))
    if point is None:
        raise await unknown_host(request.host, session, settings) or NotFound(f"no host {request.host!r}")
    method = _METHODS.get(request.method)
    if method is None:
        return not_allowed(request.method, request.path, _NAMES)
    body = await request.body(session.limits.body, settings.body_seconds)
    headers = request.these(_PASSED_ON)
    if request.is_traced:
        headers |= trace_headers(request)
    if request.wants_page:
        headers[WORD] = followers.word(point.text)
    sent: dict[str, Any] = {"path": request.url, "headers": headers, "wait": settings.wait}
    pong = await session.ping(point, method, body, **sent)
    if method is _HEAD and _is_missing(pong):  # most particles answer only Get
        pong = await session.ping(point, _GET, body, **sent)
    if _is_missing(pong):
        unknown = await unknown_host(request.host, session, settings)
        if unknown is not None:
            raise unknown
    return answer_of(pong, _SANDBOX)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Point | None:
    try:
        return Point.parse(text)
    except ParseError:
        return None


def _is_missing(pong: Pong) -> bool:
    """Whether there is no such particle, or it has no such handler."""
    return pong.status == 404 and pong.outcome is Outcome.REJECTED
