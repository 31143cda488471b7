"""Lists the hosts of the portal to agents that may see the particles that they serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hyperverse_core import Pong
from hyperverse_core.errors import NotFound, ParseError
from hyperverse_core.gateway import Session
from hyperverse_core.values import GLOBAL_EXECUTOR, Point

from .settings import PortalSettings

__all__ = ["point_of", "unknown_host"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_SHOWN: Final = 20
"""Greatest number of hosts that are listed."""


def point_of(host: str, settings: PortalSettings) -> str:
    """The text of the point that answers for a host: the one in the settings, or the Space of that name."""
    return settings.hosts.get(host) or ("localhost" if host in _LOOPBACK else host)


async def unknown_host(host: str, session: Session, settings: PortalSettings) -> NotFound | None:
    """Returns the error for a host whose particle does not exist, or is hidden from the agent; None if the particle is
    visible.

    Args:
        host: the host of a request whose answer was 404.
        session: the session of the agent.
        settings: the settings that name the hosts.
    """
    asked = point_of(host, settings)
    known = list(settings.hosts)[:_SHOWN]
    try:
        wanted = [Point.parse(asked).text]
    except ParseError:
        wanted = []
    seen = await _visible([*wanted, *(settings.hosts[name] for name in known)], session, settings.wait)
    if asked in seen:
        return None
    hosts = ", ".join(name for name in known if settings.hosts[name] in seen)
    hint = f"the portal answers for {hosts}" if hosts else "it does not exist, or you may not see it"
    return NotFound(f"no particle answers for the host {host!r}", hint=f"{hint}; the API is at /-/api/")


async def _visible(points: Sequence[str], session: Session, wait: float) -> set[str]:
    """Returns the points that the agent may select."""
    text = "; ".join(f"select {point}" for point in dict.fromkeys(points))
    body = {"text": text, "keep_going": True}
    pong = await session.ping(GLOBAL_EXECUTOR, "Cmd<RawCommand>", body, wait=wait)
    return set(_points(pong))


def _points(pong: Pong) -> list[str]:
    results: list[Any] = pong.body.get("results", []) if pong.ok and isinstance(pong.body, dict) else []
    pages = [each["body"] for each in results if each["status"] == 200]
    return [str(item["point"]) for page in pages for item in page["items"]]
