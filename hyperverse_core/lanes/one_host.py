"""Addresses whose host refers to a different computer for each reader."""

from __future__ import annotations

import ipaddress

__all__ = ["names_own_host"]


def names_own_host(host: str) -> bool:
    """Returns whether a host leads back to the computer that connects to it: a loopback or unspecified address.

    Args:
        host: a name or an address, with or without brackets.
    """
    host = host.strip("[]").partition("%")[0].lower().rstrip(".")
    if host in ("", "*", "localhost") or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return bool(mapped.is_loopback or mapped.is_unspecified)
