"""Forwarded headers: what a proxy in front of the portal says about a request, believed only from proxies in the
settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from .request import HOST, Scope
from .settings import PortalSettings

__all__ = ["Forwarding"]

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]+):\d+")


class Forwarding:
    """Applies the forwarded headers of trusted proxies to requests.

    Args:
        settings: the settings that name the trusted proxies, and the prefix of the portal on them.
    """

    def __init__(self, settings: PortalSettings) -> None:
        self._trusted: tuple[_Network, ...] = tuple(map(ipaddress.ip_network, settings.proxies))
        self._prefix = settings.prefix

    def apply(self, scope: Scope) -> None:
        """Puts the client's address, the scheme, the host and the prefix that it used into ``scope``, and the path
        after the prefix."""
        prefix = self._prefix
        client = scope.get("client")
        if self._trusted and client and self._is_trusted(client[0]):
            said = _said(scope["headers"])
            scope["client"] = (self._asking(said.get(b"x-forwarded-for", []), client[0]), 0)
            scheme = _last(said, b"x-forwarded-proto").lower()
            if scheme in ("http", "https"):
                scope["scheme"] = scheme
            host = _last(said, b"x-forwarded-host").encode("latin-1")
            if HOST.fullmatch(host):
                scope["headers"] = [(n, host if n == b"host" else v) for n, v in scope["headers"]]
            told = _last(said, b"x-forwarded-prefix").rstrip("/")
            prefix = told if _PREFIX.fullmatch(told) else prefix
        if prefix:
            scope["root_path"] = prefix
            path = scope["path"]
            if path == prefix or path.startswith(prefix + "/"):
                scope["path"] = path[len(prefix) :] or "/"

    def _asking(self, hops: Sequence[str], nearest: str) -> str:
        """The last address that does not belong to a trusted proxy. The client can forge the addresses before it."""
        for hop in reversed(hops):
            found = _PORT.fullmatch(hop)
            address = hop if found is None else found[1] or found[2]
            try:
                nearest = str(ipaddress.ip_address(address))
            except ValueError:
                break
            if not self._is_trusted(nearest):
                break
        return nearest

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._trusted)


def _said(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, list[str]]:
    said: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name.startswith(b"x-forwarded-"):
            said.setdefault(name, []).extend(part.strip() for part in value.decode("latin-1").split(","))
    return said


def _last(said: dict[bytes, Any], name: bytes) -> str:
    """The value that the nearest proxy sent; empty if there is none."""
    return str(said.get(name, [""])[-1])
