"""The plugins that the schemes of URLs imply: of a registry, and of the servers that a transport needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["registry_of_url", "transport_of_servers"]

_REGISTRIES: Final[Mapping[str, str]] = {"postgresql": "postgres", "postgres": "postgres", "sqlite": "sql"}
_TRANSPORTS: Final[Mapping[str, str]] = {"nats": "nats", "tls": "nats"}


def registry_of_url(url: Any) -> str | None:
    """Returns the registry that a URL implies by its scheme; None when it implies none."""
    scheme = url.partition("://")[0].partition("+")[0].lower() if isinstance(url, str) and "://" in url else ""
    return _REGISTRIES.get(scheme)


def transport_of_servers(servers: Any) -> str | None:
    """Returns the transport that the URLs of servers imply, by the scheme of the first one; None when they imply
    none."""
    first = servers[0] if isinstance(servers, list | tuple) and servers else servers
    return _TRANSPORTS.get(first.partition("://")[0].lower()) if isinstance(first, str) and "://" in first else None
