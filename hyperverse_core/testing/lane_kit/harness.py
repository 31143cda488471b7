"""The common part of the tests of the kit: fixtures, and a connection ready to use."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
import pytest_asyncio

from ...contracts.lane import Endpoint, Identity, LaneTransport, Peer
from .recorder import Recorder

__all__ = ["Harness", "LaneTests", "Pair"]

MakeTransport = Callable[[], LaneTransport | Awaitable[LaneTransport]]


@attrs.define(eq=False)
class Pair:
    """One connection. ``near`` connects, ``far`` listens.

    Attributes:
        peer: the peer that near sees.
        guest: the peer that far sees.
    """

    near: LaneTransport
    far: LaneTransport
    near_hears: Recorder
    far_hears: Recorder
    peer: Peer
    guest: Peer
    address: str
    endpoint: Endpoint

    async def prove_it_works(self) -> None:
        """A frame in both directions: so everything that was sent before has arrived, or never will."""
        sent = len(self.far_hears.frames(self.guest)), len(self.near_hears.frames(self.peer))
        self.near.send(self.peer, b"works?")
        self.far.send(self.guest, b"works!")
        assert (await self.far_hears.have(sent[0] + 1, self.guest))[-1] == b"works?"
        assert (await self.near_hears.have(sent[1] + 1, self.peer))[-1] == b"works!"


class Harness:
    """Makes transports and connections, and ends all of them with the test."""

    def __init__(self, make: MakeTransport, address: Callable[[], str], patience: float) -> None:
        self._make = make
        self._transports: list[LaneTransport] = []
        self.address = address
        self.patience = patience

    async def transport(self) -> LaneTransport:
        """A new transport."""
        made = self._make()
        transport = await made if inspect.isawaitable(made) else made
        self._transports.append(transport)
        return transport

    def recorder(self) -> Recorder:
        """A new receiver."""
        return Recorder(self.patience)

    async def pair(self) -> Pair:
        """Two transports, connected."""
        far, far_hears = await self.transport(), self.recorder()
        endpoint = Endpoint("stars", self.address(), far.new_identity())
        return await self.join(far, far_hears, await far.open(endpoint, far_hears), endpoint)

    async def join(
        self,
        far: LaneTransport,
        far_hears: Recorder,
        address: str,
        endpoint: Endpoint,
        *,
        near: LaneTransport | None = None,
        near_hears: Recorder | None = None,
        identity: Identity | None = None,
    ) -> Pair:
        """Connects a transport, a new one unless ``near`` is given, to an endpoint."""
        near = near or await self.transport()
        near_hears = near_hears or self.recorder()
        before = len(far_hears.ups)
        key = endpoint.identity.public
        async with asyncio.timeout(self.patience):
            peer = await near.connect(address, near_hears, identity=identity, server_key=key, timeout=self.patience)
        guest = await far_hears.have_up(before + 1)
        return Pair(near, far, near_hears, far_hears, peer, guest, address, endpoint)

    def end(self) -> None:
        """Aborts every transport."""
        for transport in self._transports:
            transport.abort()


class LaneTests:
    """Fixtures of the kit."""

    patience: float = 60.0
    flood_frames: int = 20_000
    most_waiting: int = 64 * 1024 * 1024
    crosses_processes: bool = True
    transport_path: str = ""
    notices_within: float = 60.0

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the transport that {type(self).__qualname__} tests"

    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        """Makes a new transport, without arguments. A subclass must define it."""
        pytest.fail("a subclass of LaneConformance must define the fixture make_transport")

    @pytest.fixture
    def address(self) -> Callable[[], str]:
        """Makes a fresh address; an empty one lets the transport choose."""
        return lambda: ""

    @pytest_asyncio.fixture
    async def harness(self, make_transport: MakeTransport, address: Callable[[], str]) -> AsyncIterator[Harness]:
        """The harness of one test."""
        harness = Harness(make_transport, address, self.patience)
        try:
            yield harness
        finally:
            harness.end()
