"""The gateway's table in the config, checked once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from hyperverse_core.errors import ConfigError, ParseError, did_you_mean
from hyperverse_core.values import Point

from .oidc.settings import OidcSettings, faults_of_oidc

__all__ = ["PortalSettings"]

_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+)):(\d{1,5})")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_NAME = re.compile(r"[a-z0-9.-]+")
_NOT_NUMBERS = frozenset({"address", "hosts", "proxies", "prefix", "oidc"})


@attrs.frozen
class PortalSettings:
    """Settings of ``[gateways.portal]``.

    Attributes:
        address: the address to listen on, ``HOST:PORT``; port 0 lets the system choose.
        hosts: map from a name in the Host header to the particle that answers for it. The Space of the same name
            answers for a name that is not listed.
        proxies: addresses and networks of proxies whose forwarded headers are believed.
        prefix: path that the portal has on such a proxy, such as ``/hyperverse``; empty for none.
        wait: seconds that a particle may take to answer.
        head_seconds: seconds that the head of a request may take to arrive.
        body_seconds: seconds that its body may take.
        head_bytes: the largest head.
        idle: seconds without a request after which the session of an agent ends.
        agents: greatest number of agents that may be connected at a time.
        streams: greatest number of streams of changes that may be open at a time.
        oidc: the OpenID provider by which people log in; None for none.
    """

    address: str = "127.0.0.1:8080"
    hosts: Mapping[str, str] = attrs.field(factory=dict)
    proxies: Sequence[str] = ()
    prefix: str = ""
    wait: float = 30.0
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    head_bytes: int = 64 * 1024
    idle: float = 60.0
    agents: int = 1024
    streams: int = 1024
    oidc: OidcSettings | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of the address."""
        found = _ADDRESS.fullmatch(self.address)
        assert found is not None, "it was checked"
        return found[1] or found[2], int(found[3])

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> PortalSettings:
        """Returns the settings in a table. Raises ConfigError, which lists every fault."""
        fields = attrs.fields_dict(cls)
        faults = [
            f"no setting {key!r}{did_you_mean(key, fields) or '; known: ' + ', '.join(fields)}"
            for key in table
            if key not in fields
        ]
        for key in fields.keys() & table.keys() - _NOT_NUMBERS:
            value, whole = table[key], isinstance(fields[key].default, int)
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value <= 0:
                faults.append(
                    f"{key} = {value!r}: must be {'a whole number' if whole else 'a number of seconds'} above 0"
                )
        address = table.get("address", fields["address"].default)
        found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if found is None or int(found[3]) > 65535:
            faults.append(f"address = {address!r}: must be HOST:PORT, such as 127.0.0.1:8080")
        faults += _faults_of_hosts(table.get("hosts", {}))
        faults += _faults_of_proxies(table.get("proxies", ()))
        prefix = table.get("prefix", "")
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            faults.append(f"prefix = {prefix!r}: must be a path such as /hyperverse, without a '/' at its end")
        oidc = table.get("oidc")
        faults += [] if oidc is None else faults_of_oidc(oidc)
        if faults:
            raise ConfigError(faults=[f"[portal] {fault}" for fault in faults])
        return cls(**{**table, "oidc": None if oidc is None else OidcSettings(**oidc)})


def _faults_of_hosts(hosts: object) -> list[str]:
    if not isinstance(hosts, Mapping):
        return [f"hosts = {hosts!r}: must be a table of host names and points"]
    faults = []
    for name, point in hosts.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            faults.append(f"hosts: {name!r} is not a host name; use lower-case letters, digits, dots and hyphens")
        try:
            Point.parse(point)
        except (ParseError, TypeError, AttributeError) as exc:
            faults.append(f"hosts.{name} = {point!r}: {getattr(exc, 'message', 'must be a point')}")
    return faults


def _faults_of_proxies(proxies: object) -> list[str]:
    if not isinstance(proxies, list | tuple):
        return [f"proxies = {proxies!r}: must be a list of addresses and networks"]
    faults = []
    for proxy in proxies:
        try:
            if not isinstance(proxy, str):
                raise ValueError
            ipaddress.ip_network(proxy)
        except ValueError:
            faults.append(f"proxies: {proxy!r} is not an address or network, such as 10.0.0.7 or 10.0.0.0/8")
    return faults
