"""A transport over a message bus, built from the public parts: it shows what a transport over a broker needs."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from hyperverse_core.errors import BadRequest, Unavailable
from hyperverse_core.transport import (
    ChannelPump,
    ChannelTransport,
    Endpoint,
    Identity,
    LaneReceiver,
    Peer,
    PeerChannel,
    PeerTable,
    guarded_call,
    messages,
)

__all__ = ["Bus", "BusTransport"]

_log = logging.getLogger("hyperverse.lane.bus")
Inbox = Callable[[bytes, str], None]
"""Gets a message, and the subject to answer to."""


class Bus:
    """Carries messages to subjects, in order. A message for a subject that nobody reads is lost."""

    def __init__(self) -> None:
        self.inboxes: dict[str, Inbox] = {}
        self.carried = 0

    def publish(self, subject: str, message: bytes, answer_to: str) -> None:
        """Hands a message to whoever reads ``subject``, a turn of the loop later."""
        self.carried += 1
        asyncio.get_running_loop().call_soon(self._deliver, subject, message, answer_to)

    def _deliver(self, subject: str, message: bytes, answer_to: str) -> None:
        inbox = self.inboxes.get(subject)
        if inbox is not None:
            inbox(message, answer_to)


class BusPump(ChannelPump):
    """Brings the bus to the channels of one transport. A route is our own subject and that of the peer."""

    def __init__(self, bus: Bus, peers: PeerTable) -> None:
        super().__init__(_log, peers)
        self.bus = bus

    def _offer(self, channel: PeerChannel, message: bytes) -> bool:
        own, theirs = channel.route
        self.bus.publish(theirs, message, own)
        return True

    def _say(self, channel: PeerChannel, message: bytes) -> None:
        self._offer(channel, message)

    def _forget(self, channel: PeerChannel, *, heard_bye: bool) -> None:
        if not heard_bye:
            self._say(channel, messages.goodbye("the other side gave up this connection"))
        self.bus.inboxes.pop(channel.route[0], None)

    def channels(self) -> list[PeerChannel]:
        return [channel for _, channel in self._peers.values()]

    def add(self, peer: Peer, receiver: LaneReceiver, own: str, theirs: str) -> PeerChannel:
        """Begins a channel."""
        channel = PeerChannel.make(peer, receiver, route=(own, theirs))
        self._peers[peer] = (self, channel)
        return channel

    def listen(self, channel: PeerChannel) -> None:
        """Handles what comes for the channel from now on."""
        self.bus.inboxes[channel.route[0]] = lambda message, _: self.handle(channel, message)


class BusTransport(ChannelTransport):
    """Lanes over the bus of this process, without keys. Addresses are ``bus://subject``."""

    bus: ClassVar[Bus] = Bus()
    _subjects: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self._addresses: list[str] = []
        self._pump: BusPump | None = None
        self._ended = False

    def new_identity(self) -> Identity:
        return Identity()

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        self._begin()
        address = endpoint.address or f"bus://{next(self._subjects)}"
        if not address.startswith("bus://"):
            raise BadRequest(f"not an address: {address!r}", hint="bus://subject")
        if address in self.bus.inboxes:
            raise Unavailable(f"the address {address!r} is in use", hint="choose another one")
        self.bus.inboxes[address] = partial(self._greeted, endpoint, receiver)
        self._addresses.append(address)
        return address

    def _greeted(self, endpoint: Endpoint, receiver: LaneReceiver, message: bytes, answer_to: str) -> None:
        own = f"inbox-{next(self._subjects)}"
        fault = messages.hello_fault(message)
        if fault:
            self.bus.publish(answer_to, messages.goodbye(fault), own)
            return
        pump, peer = self._begin(), Peer(f"{endpoint.name}-{own}", endpoint=endpoint.name)
        pump.listen(pump.add(peer, receiver, own, answer_to))
        self.bus.publish(answer_to, messages.WELCOME_MESSAGE, own)
        guarded_call(_log, receiver.lane_up, peer)

    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        pump, own = self._begin(), f"inbox-{next(self._subjects)}"
        came: list[tuple[bytes, str]] = []
        welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(message: bytes, answer_to: str) -> None:
            came.append((message, answer_to))
            if not welcome.done():
                welcome.set_result(None)

        self.bus.inboxes[own] = answered
        self.bus.publish(address, messages.HELLO_MESSAGE, own)
        try:
            async with asyncio.timeout(timeout):
                await welcome
        except BaseException as exc:
            gone = messages.goodbye("the other side has given up")
            self.bus.inboxes[own] = lambda _, answer_to: self.bus.publish(answer_to, gone, own)
            if isinstance(exc, TimeoutError):
                raise Unavailable(f"nobody answers at {address!r}", retry_after=1.0) from None
            raise
        message, theirs = came.pop(0)
        if message != messages.WELCOME_MESSAGE:
            raise Unavailable(f"{address!r} refuses: {messages.goodbye_reason(message)}")
        channel = pump.add(Peer(f"to-{own}"), receiver, own, theirs)
        asyncio.get_running_loop().call_soon(self._release, pump, channel, came)
        return channel.peer

    @staticmethod
    def _release(pump: BusPump, channel: PeerChannel, came: list[tuple[bytes, str]]) -> None:
        """The caller of connect() runs before this, so it knows its peer when the first frames come."""
        if channel.gone:
            return
        pump.listen(channel)
        for message, _ in came:
            pump.handle(channel, message)

    def _let_nobody_in(self) -> None:
        self._leave()

    def abort(self) -> None:
        self._leave()
        if self._pump is not None:
            self._pump.abort()

    def _leave(self) -> None:
        self._ended = True
        while self._addresses:
            del self.bus.inboxes[self._addresses.pop()]

    def _begin(self) -> BusPump:
        if self._ended:
            raise Unavailable("the transport was closed", hint="make a new one")
        if self._pump is None:
            self._pump = BusPump(self.bus, self._peers)
        return self._pump
