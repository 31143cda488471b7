"""LocalTransport: lanes inside one process and one event loop, without sockets or copies.

It serves tests, simulations under a virtual clock, and clients in the process of the machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import attrs

from ...contracts.lane import Endpoint, Identity, LaneReceiver, LaneTransport, Peer
from ...errors import BadRequest, TooLarge, Unauthorized, Unavailable
from .end import LocalEnd, Way

__all__ = ["LocalHub", "LocalTransport"]

_SCHEME = "local://"
_KEY = re.compile(r"[0-9a-f]{40}")


@attrs.frozen(eq=False)
class _OpenEndpoint:
    endpoint: Endpoint
    receiver: LaneReceiver
    transport: LocalTransport


class LocalHub:
    """The endpoints that the transports of one event loop can reach, and the ways between them."""

    def __init__(self) -> None:
        self._listeners: dict[str, _OpenEndpoint] = {}
        self._numbers = itertools.count(1)

    def way(self, source: LocalTransport, target: LocalTransport) -> Way:
        """Returns a way for one direction of a connection. A faulty network returns a different one."""
        return Way(asyncio.get_running_loop())

    def reachable(self, source: LocalTransport, target: LocalTransport) -> bool:
        """Whether a new connection can be made."""
        return True

    def new_name(self, prefix: str) -> str:
        """Returns a name that is not used yet."""
        return f"{prefix}-{next(self._numbers)}"

    def enter(self, address: str, opened: _OpenEndpoint) -> None:
        """Opens an endpoint. Raises Unavailable if the address is in use."""
        if address in self._listeners:
            raise Unavailable(f"the address {address!r} is in use", hint="choose another one")
        self._listeners[address] = opened

    def leave(self, address: str) -> None:
        """Closes an endpoint."""
        self._listeners.pop(address, None)

    def endpoint(self, address: str) -> _OpenEndpoint | None:
        """Returns the endpoint that listens at ``address``; None if there is none."""
        return self._listeners.get(address)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, LocalHub] = WeakKeyDictionary()


def _hub_of_this_loop() -> LocalHub:
    return _hubs.setdefault(asyncio.get_running_loop(), LocalHub())


class LocalTransport(LaneTransport):
    """Lanes in one process; addresses are ``local://any-name``.

    Args:
        settings: ``queue_frames`` and ``queue_bytes``, the limits of what may wait for one peer; and ``max_frame``.
        hub: the transports that can be reached; None for all of this event loop.
        machine: name of the machine of this transport, for a hub with faults.
    """

    proves_peers = True  # connect() compares each secret with its public key

    def __init__(
        self, settings: Mapping[str, Any] | None = None, *, hub: LocalHub | None = None, machine: str = ""
    ) -> None:
        super().__init__(settings)
        self.machine = machine
        self.max_frame = int(self.settings.get("max_frame", LaneTransport.max_frame))
        self._queue_frames = int(self.settings.get("queue_frames", 8192))
        self._queue_bytes = int(self.settings.get("queue_bytes", 16 * 1024 * 1024))
        self._hub = hub
        self.ends: dict[Peer, LocalEnd] = {}
        self._addresses: list[str] = []
        self.ended = False

    @property
    def hub(self) -> LocalHub:
        """The transports that can be reached."""
        if self._hub is None:
            self._hub = _hub_of_this_loop()
        return self._hub

    def is_local(self, address: str) -> bool:
        return address.startswith(_SCHEME)

    def check_key(self, text: str) -> None:
        if not _KEY.fullmatch(text):
            raise BadRequest(f"{text!r} is not a key of this transport", hint="a key has 40 hexadecimal digits")

    def new_identity(self) -> Identity:
        secret = secrets.token_hex(16)
        return Identity(_public(secret), secret)

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        self._must_live()
        address = endpoint.address or _SCHEME + self.hub.new_name(endpoint.name)
        if not address.startswith(_SCHEME) or address == _SCHEME:
            raise BadRequest(f"not an address: {address!r}", hint="local://any-name")
        self.hub.enter(address, _OpenEndpoint(endpoint, receiver, self))
        self._addresses.append(address)
        return address

    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        self._must_live()
        identity = identity or self.new_identity()
        opened = self.hub.endpoint(address)
        if opened is None:
            raise Unavailable(f"nobody listens at {address!r}", retry_after=1.0)
        if not self.hub.reachable(self, opened.transport):
            await asyncio.sleep(timeout)
            raise Unavailable(f"no answer from {address!r} within {timeout:g} s", retry_after=1.0)
        self._check_keys(address, opened.endpoint, identity, server_key)
        end = self._join(opened, identity, receiver)
        try:
            async with asyncio.timeout(timeout):
                await end.greet()
        except TimeoutError:
            end.cut("the connecting side gave up")
            raise Unavailable(f"no answer from {address!r} within {timeout:g} s", retry_after=1.0) from None
        except BaseException:
            end.cut("the connecting side gave up")
            raise
        return end.peer

    def _check_keys(self, address: str, endpoint: Endpoint, identity: Identity, server_key: str) -> None:
        if not self.holds(identity):
            raise Unauthorized(f"the public key {identity.public!r} does not belong to its secret")
        if endpoint.identity.public != server_key or not self.holds(endpoint.identity):
            raise Unauthorized(f"the endpoint at {address!r} does not hold the expected key")
        if endpoint.allow is not None and identity.public not in endpoint.allow:
            raise Unauthorized(f"the endpoint at {address!r} does not allow our key")

    def holds(self, identity: Identity) -> bool:
        """Whether the secret of a key pair belongs to its public key."""
        return _public(identity.secret) == identity.public

    def _join(self, opened: _OpenEndpoint, identity: Identity, receiver: LaneReceiver) -> LocalEnd:
        theirs = Peer(self.hub.new_name("to"), opened.endpoint.identity.public)
        ours = Peer(self.hub.new_name(opened.endpoint.name), identity.public, opened.endpoint.name)
        near = self._new_end(theirs, receiver, self.hub.way(self, opened.transport))
        far = opened.transport._new_end(ours, opened.receiver, self.hub.way(opened.transport, self))
        near.other, far.other = far, near
        return near

    def _new_end(self, peer: Peer, receiver: LaneReceiver, way: Way) -> LocalEnd:
        return LocalEnd(peer, receiver, way, self, max_frames=self._queue_frames, max_bytes=self._queue_bytes)

    def send(self, peer: Peer, frame: bytes, *, priority: int = 3) -> None:
        end = self._living(peer)
        if len(frame) > self.max_frame:
            raise TooLarge(f"a frame of {len(frame)} bytes is larger than {self.max_frame}")
        end.send(frame, priority)

    async def drain(self, peer: Peer) -> None:
        await self._living(peer).outbox.drained()

    async def disconnect(self, peer: Peer) -> None:
        end = self.ends.get(peer)
        if end is not None:
            await end.disconnect()

    async def close(self) -> None:
        self._leave()
        try:
            await asyncio.gather(*(end.disconnect() for end in list(self.ends.values())))
        finally:
            self.abort()

    def abort(self) -> None:
        self._leave()
        for end in list(self.ends.values()):
            end.cut("the other side aborted")

    def crash(self) -> None:
        """Ends like a killed process, without notifying any peer. The hub decides when the peers notice."""
        self._leave()
        for end in list(self.ends.values()):
            end.vanish()

    def _leave(self) -> None:
        self.ended = True
        while self._addresses:
            self.hub.leave(self._addresses.pop())

    def _must_live(self) -> None:
        if self.ended:
            raise Unavailable("the transport was closed", hint="make a new one")

    def _living(self, peer: Peer) -> LocalEnd:
        end = self.ends.get(peer)
        if end is None or end.closing:
            raise Unavailable(f"the lane to {peer.name!r} has ended", hint="connect again")
        return end


def _public(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:40] if secret else ""
