"""The transport's table in the config."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import attrs

from hyperverse_core.errors import ConfigError
from hyperverse_core.transport import LaneReceiver, Peer, PeerChannel, parse_settings

__all__ = ["SMALLEST_BATCH", "NatsLimits", "NatsSettings", "host_and_port"]

_TEXTS: Final = {
    "servers": "nats://HOST:4222, or a list of such URLs",
    "credentials": "the path of a credentials file (.creds)",
    "nkey": "the path of a file with the seed of an nkey",
    "tls_ca": "the path of a file with certificates (PEM)",
    "tls_cert": "the path of a file with a certificate (PEM)",
    "tls_key": "the path of a file with a private key (PEM)",
    "prefix": "letters, digits, '-' and '_', in parts separated by dots",
}
_FILES: Final = ("credentials", "nkey", "tls_ca", "tls_cert", "tls_key")
_SCHEMES: Final = ("nats", "tls")
_MIB: Final = 1024 * 1024
SMALLEST_BATCH: Final = 32 * 1024
"""Bytes of a message that gathers frames, when many peers share what the server buffers."""
_LARGEST_WINDOW: Final = 4 * _MIB
_SMALLEST_WINDOW: Final = 32 * 1024
_LARGEST_BATCH: Final = _MIB


@attrs.frozen
class NatsLimits:
    """The numeric settings in ``[lanes]`` for ``driver = "nats"``.

    Attributes:
        heartbeat_interval: seconds between two signs of life of a machine.
        heartbeat_timeout: seconds without a sign of life after which a machine counts as dead.
        handshake_timeout: seconds that a peer may take to finish its handshake.
        connect_timeout: seconds in which a server must answer, before the next one is tried.
        queue_frames: how many frames may wait for one peer; beyond that, sending raises LaneFull.
        queue_bytes: how many bytes may wait for one peer; beyond that, sending raises LaneFull.
        max_frame: the largest frame, in bytes, sent or received.
        max_peers: how many peers one endpoint accepts.
        server_buffer: bytes that the server buffers for a client that does not read: its ``max_pending``. All peers
            together may have half of it in flight to a machine; but each has 32 KiB at least, so with more than 1,024
            peers at one machine, raise this and the server's ``max_pending``.
    """

    heartbeat_interval: float = 0.4
    heartbeat_timeout: float = 1.5
    handshake_timeout: float = 10.0
    connect_timeout: float = 3.0
    queue_frames: int = 8192
    queue_bytes: int = 16 * _MIB
    max_frame: int = 16 * _MIB
    max_peers: int = 10_000
    server_buffer: int = 64 * _MIB

    def window(self, peers: int) -> int:
        """Returns the bytes that each of ``peers`` peers may have in flight to us. The result changes at powers of two,
        so connected peers are seldom sent a new value."""
        share = self.server_buffer // 2 // (1 << max(0, peers - 1).bit_length())
        return max(_SMALLEST_WINDOW, min(_LARGEST_WINDOW, share))


@attrs.frozen(kw_only=True)
class NatsSettings:
    """The table ``[lanes]`` for ``driver = "nats"``.

    Attributes:
        servers: URLs of the servers.
        credentials, nkey: files with the proof that the server asks for.
        tls_ca, tls_cert, tls_key: files for TLS.
        prefix: the first part of all subjects.
        limits: see :class:`NatsLimits`.
    """

    servers: tuple[str, ...] = attrs.field(repr=False)
    credentials: str = ""
    nkey: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    prefix: str = "hyperverse"
    limits: NatsLimits = NatsLimits()

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> NatsSettings:
        """Returns the settings in a table. Raises ConfigError, which lists every fault and no password."""
        faults = [*_text_faults(table)]
        limits = NatsLimits()
        try:
            limits = parse_settings(NatsLimits, table, also=_TEXTS)
        except ConfigError as exc:
            faults += exc.faults
        if not faults:
            faults += _file_faults(table)
        if faults:
            raise ConfigError(faults=faults, hint=f"known texts: {', '.join(_TEXTS)}")
        texts = {key: table[key] for key in _TEXTS if key in table and key != "servers"}
        return cls(servers=tuple(map(_with_small_scheme, _list(table["servers"]))), limits=limits, **texts)

    @property
    def where(self) -> str:
        """The servers as errors and logs name them: hosts and ports, without users and passwords."""
        return ", ".join(map(host_and_port, self.servers))

    def proof(self, server: str) -> dict[str, str]:
        """Returns user and password for one of the servers: those of its URL, or of the first URL that has a user.
        Unescaped: nats-py would take them as written."""
        for url in (server, *self.servers):
            parts = urlsplit(url)
            if parts.username and parts.password is not None:
                return {"user": unquote(parts.username), "password": unquote(parts.password)}
            if parts.username:
                return {"token": unquote(parts.username)}
        return {}

    @property
    def wants_tls(self) -> bool:
        """Whether the connection must be encrypted."""
        return bool(self.tls_ca or self.tls_cert) or any(url.startswith("tls://") for url in self.servers)

    def tls_context(self) -> ssl.SSLContext | None:
        """Returns the TLS context; None without TLS. Raises ConfigError when a file is not what it should be."""
        if not self.wants_tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_ca or None)
        except OSError as exc:  # ssl.SSLError is one
            raise ConfigError(f"tls_ca = {self.tls_ca!r}: the file has no certificates (PEM): {exc}") from exc
        if self.tls_cert:
            key = self.tls_key or self.tls_cert
            try:
                context.load_cert_chain(self.tls_cert, key, password="")  # else OpenSSL would ask at the terminal
            except OSError as exc:
                raise ConfigError(
                    f"tls_cert = {self.tls_cert!r} with the key in {key!r}: cannot be used: {exc}",
                    hint="both must be PEM, and the key must be that of the certificate and not encrypted",
                ) from exc
        return context

    def new_channel(self, peer: Peer, receiver: LaneReceiver, route: object, max_payload: int) -> PeerChannel:
        """Returns a channel with these limits.

        Args:
            peer: the other side.
            receiver: gets its frames.
            route: the link to it.
            max_payload: bytes of the largest message that the server carries.
        """
        batch = min(_LARGEST_BATCH, max_payload - 64)  # encryption, numbers and headers take less than that
        return PeerChannel.make(
            peer,
            receiver,
            queue_frames=self.limits.queue_frames,
            queue_bytes=self.limits.queue_bytes,
            max_frame=self.limits.max_frame,
            route=route,
            piece_bytes=min(SMALLEST_BATCH, batch) - 8,
            batch_bytes=batch,
        )


def _list(servers: Any) -> Sequence[Any]:
    return [servers] if isinstance(servers, str) else servers


def _with_small_scheme(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme.lower()}://{rest}"  # nats-py knows no others


def host_and_port(url: str) -> str:
    """Returns a server as errors and logs name it: without user and password."""
    return url.partition("://")[2].rpartition("@")[2].rstrip("/")


def _text_faults(table: Mapping[str, Any]) -> list[str]:
    faults = []
    for key, said in _TEXTS.items():
        value = table.get(key, "")
        if key != "servers" and not isinstance(value, str):
            faults.append(f"{key} = {value!r}: must be {said}")
    servers = _list(table.get("servers", []))
    if not isinstance(servers, list | tuple) or not servers:
        faults.append(f"servers: must be {_TEXTS['servers']}")
        return faults
    faults += [f"servers: {fault}" for fault in map(_server_fault, servers) if fault]
    prefix = table.get("prefix", "hyperverse")
    if isinstance(prefix, str) and not all(
        part.replace("-", "").replace("_", "").isalnum() and part.isascii() for part in prefix.split(".")
    ):
        faults.append(f"prefix = {prefix!r}: must be {_TEXTS['prefix']}")
    if table.get("credentials") and table.get("nkey"):
        faults.append("credentials and nkey: set only one of them")
    if table.get("tls_key") and not table.get("tls_cert"):
        faults.append("tls_key: set tls_cert too, the certificate of this key")
    return faults


def _server_fault(url: Any) -> str:
    """Returns what is wrong with a URL. Quotes only its host, since it may contain a password."""
    if not isinstance(url, str):
        return f"each must be a string, {_TEXTS['servers']}"
    several = 'several URLs are a list: ["nats://ONE", "nats://TWO"]'
    if url.count("://") > 1:
        return several
    escapes = "in a user or password write %40 for @, %2F for /, %3A for : and %23 for #"
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return f"a URL is malformed; {escapes}"
    behind = f"{parts.path}{parts.query}{parts.fragment}"
    if "@" in behind or parts.netloc.count("@") > 1:  # what looks like a host is a part of the password
        return f"a URL is malformed; {escapes}"
    if "," in parts.netloc.rpartition("@")[2]:
        return several
    try:
        port = parts.port
    except ValueError:
        digits = parts.netloc.rpartition(":")[2].isdecimal()
        return "the port of a URL is not a number from 1 to 65535" if digits else f"a URL is malformed; {escapes}"
    if parts.scheme not in _SCHEMES:
        return f"a URL must begin with {' or '.join(f'{scheme}://' for scheme in _SCHEMES)}"
    if not host or port == 0 or any(letter.isspace() for letter in url):
        return "a URL has no host or no valid port; write nats://HOST or nats://HOST:4222"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return f"the URL of {host!r} has text after the port; {escapes}"
    return ""


def _file_faults(table: Mapping[str, Any]) -> list[str]:
    faults = []
    for key in _FILES:
        if table.get(key):
            try:
                with Path(table[key]).open("rb"):
                    pass
            except OSError as exc:
                faults.append(f"{key} = {table[key]!r}: cannot be read: {exc.strerror}")
    return faults
