"""ZmqTransport: lanes over ZeroMQ."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import zmq

from hyperverse_core.errors import BadRequest, HyperverseError, Unavailable
from hyperverse_core.transport import (
    ChannelTransport,
    Endpoint,
    Identity,
    LaneReceiver,
    Peer,
    names_own_host,
    raise_descriptor_limit,
)

from .address import ZmqAddress, default_address, in_use
from .connection import ZmqConnection
from .context import new_context, release_shared_context, shared_context
from .listener import ZmqListener
from .pump import ZmqPump
from .settings import ZmqSettings
from .sockets import Context, configure
from .zap_handler import ZapHandler

__all__ = ["ZmqTransport"]

_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")  # 32 bytes in Z85
_PROBE_SECONDS = 1.0  # ZeroMQ reports ends sooner, but a report may come too early to be noticed
_HANDSHAKE_MS = 10_000
_BACKLOG = 4096  # connections waiting to be accepted: hundreds of clients may connect at once


class ZmqTransport(ChannelTransport):
    """Lanes over ``ipc://`` and ``tcp://``, always with CURVE: every peer proves its key, and everything is encrypted.

    Args:
        settings: see :class:`~hyperverse_zmq.settings.ZmqSettings`. Raises ConfigError.
    """

    proves_peers = True
    settings_class = ZmqSettings
    plain_settings = tuple(attrs.fields_dict(ZmqSettings))

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._settings = ZmqSettings.parse(self.settings)
        self.max_frame = self._settings.max_frame
        self._listeners: list[ZmqListener] = []
        self._bound: list[ZmqAddress] = []
        self._connections: set[ZmqConnection] = set()
        self._context: Context | None = None
        self._clients_context: Context | None = None
        self._zap_handler: ZapHandler | None = None
        self._probe_timer: asyncio.TimerHandle | None = None
        self._ended = False

    def default_address(self, purpose: str, directory: Path) -> str:
        return default_address(purpose, directory)

    def is_local(self, address: str) -> bool:
        return address.startswith("ipc://")

    def works_elsewhere(self, address: str) -> bool:
        return not self.is_local(address) and not names_own_host(ZmqAddress.parse(address).host)

    def check_key(self, text: str) -> None:
        if not _KEY.fullmatch(text):
            raise BadRequest(
                f"{text!r} is not a valid public key of a machine", hint="a key has 40 characters: quote it ('...')"
            )

    def new_identity(self) -> Identity:
        while True:
            public, secret = zmq.curve_keypair()
            if not public.startswith(b"-"):  # a command would take it for an option
                return Identity(public.decode(), secret.decode())

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        raise_descriptor_limit()
        context = self._begin_to_listen()
        _check_keys(endpoint.identity, f"the endpoint {endpoint.name!r}")
        where = ZmqAddress.parse(endpoint.address) if endpoint.address else ZmqAddress.choose()
        try:
            opened = self._open(context, where, endpoint, receiver)
        except (zmq.ZMQError, OSError, HyperverseError) as exc:
            where.clear()
            if isinstance(exc, HyperverseError):
                raise
            if exc.errno == errno.EADDRINUSE:
                raise in_use(where.address) from exc
            raise _cannot("listen at", where.address, exc) from exc
        self._bound.append(where)
        self._listeners.append(opened)
        return where.address

    def _open(self, context: Context, where: ZmqAddress, endpoint: Endpoint, receiver: LaneReceiver) -> ZmqListener:
        domain = f"endpoint-{next(self._numbers)}".encode()
        socket = context.socket(zmq.ROUTER)
        try:
            where.make_free()
            configure(socket, self._settings, ipv6=where.is_ipv6)
            socket.router_mandatory = True
            socket.backlog = _BACKLOG
            socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
            socket.setsockopt(zmq.ZAP_DOMAIN, domain)
            socket.curve_server = True
            socket.curve_publickey = endpoint.identity.public.encode()
            socket.curve_secretkey = endpoint.identity.secret.encode()
            if self._zap_handler is None:
                self._zap_handler = ZapHandler(context)
            self._zap_handler.admit(domain, endpoint.allow)
            socket.bind(where.address)
            where.taken(socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0"))
            return ZmqListener(
                context, socket, where.address, endpoint, receiver, self._settings, self._peers, self._name_peer
            )
        except BaseException:
            socket.close(0)
            raise

    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        """Implements the contract. Also raises BadRequest when a key is not a valid CURVE key."""
        context = self._begin_to_connect()
        identity = identity or self.new_identity()
        _check_keys(identity, "we")
        if not _KEY.fullmatch(server_key):
            said = f"{server_key!r} is not the public key of a machine" if server_key else "no server_key is given"
            raise BadRequest(said, hint="server_key has 40 characters; see machines/NAME/control.json on that machine")
        where = ZmqAddress.parse(address)
        peer = Peer(name=self._name_peer("to"), key=server_key)
        try:
            connection = self._connection(context, where, peer, receiver, identity, timeout)
        except zmq.ZMQError as exc:
            raise _cannot("connect to", address, exc) from exc
        self._connections.add(connection)
        return await connection.greet(timeout)

    def _connection(
        self,
        context: Context,
        where: ZmqAddress,
        peer: Peer,
        receiver: LaneReceiver,
        identity: Identity,
        timeout: float,
    ) -> ZmqConnection:
        socket = context.socket(zmq.DEALER)
        try:
            configure(socket, self._settings, ipv6=where.is_ipv6)
            socket.setsockopt(zmq.RECONNECT_IVL, -1)
            socket.setsockopt(zmq.CONNECT_TIMEOUT, int(timeout * 1000))
            # Longer than connect() waits: a slow listener must not look like one without the right key.
            socket.setsockopt(zmq.HANDSHAKE_IVL, int(timeout * 1000) + _HANDSHAKE_MS)
            socket.curve_serverkey = peer.key.encode()
            socket.curve_publickey = identity.public.encode()
            socket.curve_secretkey = identity.secret.encode()
            return ZmqConnection(context, socket, where.address, peer, receiver, self._settings, self._peers)
        except BaseException:
            socket.close(0)
            raise

    def _let_nobody_in(self) -> None:
        for endpoint in self._listeners:
            endpoint.full = True

    def abort(self) -> None:
        self._ended = True
        for pump in self._pumps():
            pump.abort()
        self._connections.clear()
        self._listeners.clear()
        if self._probe_timer is not None:
            self._probe_timer.cancel()
            self._probe_timer = None
        if self._zap_handler is not None:
            self._zap_handler.close()
        if self._context is not None:
            self._context.destroy(0)
        if self._clients_context is not None:
            release_shared_context(self._clients_context)
            self._clients_context = None
        while self._bound:
            self._bound.pop().clear()

    def _begin_to_listen(self) -> Context:
        self._begin()
        if self._context is None:
            self._context = new_context()
        return self._context

    def _begin_to_connect(self) -> Context:
        self._begin()
        if self._context is not None:
            return self._context
        if self._clients_context is None:
            self._clients_context = shared_context()
        return self._clients_context

    def _begin(self) -> None:
        if self._ended:
            raise Unavailable("the transport was closed", hint="make a new one")
        if self._probe_timer is None:
            self._plan_probe()

    def _pumps(self) -> list[ZmqPump]:
        return [*self._listeners, *self._connections]

    def _plan_probe(self) -> None:
        self._probe_timer = asyncio.get_running_loop().call_later(_PROBE_SECONDS, self._probe)

    def _probe(self) -> None:
        self._connections = {connection for connection in self._connections if not connection.closed}
        for pump in self._pumps():
            pump.probe()
        self._plan_probe()


def _check_keys(identity: Identity, whose: str) -> None:
    if not (_KEY.fullmatch(identity.public) and _KEY.fullmatch(identity.secret)):
        raise BadRequest(
            f"{whose} must have a CURVE key pair, not {identity.public!r}", hint="new_identity() makes one"
        )


def _cannot(what: str, address: str, exc: zmq.ZMQError | OSError) -> Unavailable:
    hints = {
        errno.ENOENT: "its directory does not exist: create it first",
        errno.EACCES: "choose an address that this user may use (ports below 1024 are not)",
        errno.EADDRNOTAVAIL: "this computer does not have that address",
        errno.ENODEV: "this computer does not have that address",
        # ZeroMQ also says this beyond MAX_SOCKETS
        errno.EMFILE: "this process has no file descriptor left: raise its limit (ulimit -n)",
        errno.ENFILE: "this computer has no file descriptor left",
    }
    reason = os.strerror(exc.errno) if exc.errno and exc.errno < 200 else exc.strerror
    return Unavailable(f"cannot {what} {address!r}: {reason}", hint=hints.get(exc.errno or 0, ""))
