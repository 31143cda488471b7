"""StreamTransport: lanes over Unix sockets and TCP."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from hyperverse_core.errors import Unavailable
from hyperverse_core.transport import (
    ChannelTransport,
    Endpoint,
    Identity,
    LaneReceiver,
    Peer,
    names_own_host,
    raise_descriptor_limit,
)

from .accepted import AcceptedLink, OpenEndpoint
from .address import StreamAddress
from .made import MadeLink
from .noise import KEYS, Initiator
from .pump import StreamPump
from .room import Room
from .settings import StreamSettings

__all__ = ["StreamTransport"]

_BACKLOG: Final = 4096  # connections waiting to be accepted: hundreds of clients may connect at once


class StreamTransport(ChannelTransport):
    """Lanes over ``unix://`` and ``tcp://``. Every peer proves its key, and over TCP everything is encrypted.

    Args:
        settings: see :class:`~hyperverse_stream.settings.StreamSettings`. Raises ConfigError.
    """

    proves_peers = True
    settings_class = StreamSettings
    plain_settings = tuple(attrs.fields_dict(StreamSettings))

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._settings = StreamSettings.parse(self.settings)
        self.max_frame = self._settings.max_frame
        self._pump: StreamPump | None = None
        self._listening: list[OpenEndpoint] = []
        self._servers: list[asyncio.Server] = []
        self._files: list[StreamAddress] = []
        self._room = Room()
        self._ended = False

    def default_address(self, purpose: str, directory: Path) -> str:
        return StreamAddress.default(purpose, directory)

    def is_local(self, address: str) -> bool:
        return address.startswith("unix://")

    def works_elsewhere(self, address: str) -> bool:
        return not self.is_local(address) and not names_own_host(StreamAddress.parse(address).host)

    def check_key(self, text: str) -> None:
        KEYS.bytes_of(text)

    def new_identity(self) -> Identity:
        return KEYS.new_identity()

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        raise_descriptor_limit()
        pump = self._begin()
        secret = KEYS.secret_of(endpoint.identity, f"the endpoint {endpoint.name!r}")
        where = StreamAddress.parse(endpoint.address) if endpoint.address else StreamAddress.choose()
        try:
            opened = where.listen(_BACKLOG)
        except OSError as exc:
            raise _cannot("listen at", str(where), exc) from exc
        listening = OpenEndpoint(endpoint, secret, receiver, self._settings, self._name_peer, self._room)
        make = partial(AcceptedLink, pump, listening, encrypted=where.file is None)
        loop = asyncio.get_running_loop()
        if where.file is not None:
            self._files.append(where)
            self._servers.append(await loop.create_unix_server(make, sock=opened))
        else:
            where = attrs.evolve(where, port=opened.getsockname()[1])
            self._servers.append(await loop.create_server(make, sock=opened))
        opened.listen(_BACKLOG)  # the event loop set its own number, which is also how many it accepts in one turn
        self._listening.append(listening)
        return str(where)

    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        """Implements the contract. Also raises BadRequest when a key is not a key of this transport."""
        pump = self._begin()
        secret, server = KEYS.secret_of(identity or KEYS.new_identity(), "we"), KEYS.bytes_of(server_key)
        where = StreamAddress.parse(address)
        peer = Peer(self._name_peer("to"), server_key)
        encrypted = where.file is None
        link = MadeLink(pump, Initiator(secret, server), peer, receiver, self._settings, address, encrypted=encrypted)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                if where.file is not None:
                    await loop.create_unix_connection(lambda: link, str(where.file.path))
                else:
                    await loop.create_connection(lambda: link, where.host, where.port)
                await link.welcome
        except TimeoutError:
            link.abort()
            raise Unavailable(f"no answer from {address!r} within {timeout:g} s", retry_after=1.0) from None
        except OSError as exc:
            raise _cannot("connect to", address, exc) from exc
        except BaseException:
            link.abort()
            raise
        finally:
            if link.welcome.done() and not link.welcome.cancelled():
                link.welcome.exception()  # it was raised above, or nobody waits for it any more
        return peer

    async def close(self) -> None:
        """Implements the contract. A connection accepted in this turn of the loop gets its link in the next one: if its
        server were closed before that, asyncio would forget it and leave its socket open."""
        loop = asyncio.get_running_loop()
        for server in self._servers:
            for opened in server.sockets:
                loop.remove_reader(opened.fileno())
        self._let_nobody_in()
        await asyncio.sleep(0)
        await super().close()

    def _let_nobody_in(self) -> None:
        for endpoint in self._listening:
            endpoint.full = True

    def abort(self) -> None:
        self._ended = True
        while self._servers:
            self._servers.pop().close()
        if self._pump is not None:
            self._pump.abort()
        self._listening.clear()
        while self._files:
            found = self._files.pop().file
            if found is not None:
                found.clear()

    def _begin(self) -> StreamPump:
        if self._ended:
            raise Unavailable("the transport was closed", hint="make a new one")
        if self._pump is None:
            self._pump = StreamPump(self._settings, self._peers)
        return self._pump


def _cannot(what: str, address: str, exc: OSError) -> Unavailable:
    if what == "connect to" and exc.errno in (errno.ENOENT, errno.ECONNREFUSED):
        hint = "is the machine running, and is that its address?"
        return Unavailable(f"nobody listens at {address!r}", hint=hint, retry_after=1.0)
    if exc.errno == errno.EADDRINUSE:
        return Unavailable(
            f"the address {address!r} is in use", hint="stop the machine that runs there, or choose another address"
        )
    hints = {
        errno.ENOENT: "its directory does not exist: create it first",
        errno.EACCES: "choose an address that this user may use (ports below 1024 are not)",
        errno.EADDRNOTAVAIL: "this computer does not have that address",
        errno.EMFILE: "this process has no file descriptor left: raise its limit (ulimit -n)",
        errno.ENFILE: "this computer has no file descriptor left",
    }
    unknown = isinstance(exc, socket.gaierror)
    reason = exc.strerror if unknown or not exc.errno else os.strerror(exc.errno)
    return Unavailable(f"cannot {what} {address!r}: {reason}", hint=hints.get(exc.errno or 0, ""))
