"""The network with faults fails as told, the same way each time, and keeps the contract of a lane."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hyperverse_core.contracts.lane import Endpoint, Peer
from hyperverse_core.errors import Unavailable
from hyperverse_core.testing.clock import VirtualClockLoop
from hyperverse_core.testing.faulty_lane import FaultyHub, FaultyTransport
from hyperverse_core.testing.lane_conformance import LaneConformance
from hyperverse_core.testing.lane_kit.recorder import Recorder
from kits import without


@without(
    "test_the_lane_to_a_process_that_dies_or_stops_is_down",
    "test_a_full_lane_to_a_process_that_stands_still_can_be_ended",
    "test_a_process_that_stands_still_is_not_waited_for_when_connecting",
)
class TestFaultlessHub(LaneConformance):
    """A network without faults, but with delays, is a lane as any other."""

    crosses_processes = False

    @pytest.fixture
    def make_transport(self) -> Callable[[], FaultyTransport]:
        hub, names = FaultyHub(random.Random(1), delay=(0.0, 0.002)), iter(range(1000))
        return lambda: hub.transport(f"machine-{next(names)}")


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(main)


class Wire:
    """Two machines of a network, connected."""

    def __init__(self, hub: FaultyHub) -> None:
        self.hub = hub
        self.server, self.client = hub.transport("server"), hub.transport("client")
        self.server_hears, self.client_hears = Recorder(100.0), Recorder(100.0)
        self.endpoint = Endpoint("stars", "local://server", self.server.new_identity())
        self.peer: Peer
        self.guest: Peer

    async def connect(self) -> Wire:
        if self.hub.endpoint("local://server") is None:
            await self.server.open(self.endpoint, self.server_hears)
        before = len(self.server_hears.ups)
        self.peer = await self.client.connect(
            "local://server", self.client_hears, server_key=self.endpoint.identity.public
        )
        self.guest = await self.server_hears.have_up(before + 1)
        return self


def test_a_message_takes_its_time() -> None:
    async def main() -> float:
        wire = await Wire(FaultyHub(random.Random(1), delay=(0.5, 0.5))).connect()
        began = asyncio.get_running_loop().time()
        wire.client.send(wire.peer, b"x")
        await wire.server_hears.have(1)
        return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(0.5)


def test_order_holds_whatever_the_delays() -> None:
    async def main() -> list[bytes]:
        wire = await Wire(FaultyHub(random.Random(2), delay=(0.0, 1.0))).connect()
        for number in range(200):
            wire.client.send(wire.peer, b"%d" % number)
            await asyncio.sleep(0.01)
        return await wire.server_hears.have(200)

    assert run(main()) == [b"%d" % number for number in range(200)]


def test_the_same_seed_gives_the_same_story() -> None:
    async def main() -> list[float]:
        hub, times = FaultyHub(random.Random(3), delay=(0.0, 1.0), drop=0.02), []
        wire = await Wire(hub).connect()
        for _ in range(300):
            try:
                wire.client.send(wire.peer, b"x")
            except Unavailable:
                times.append(asyncio.get_running_loop().time())
                await wire.connect()
            await asyncio.sleep(0.1)
        return times

    assert run(main()) == run(main()) != []


def test_a_cut_wire_is_noticed_by_both_sides() -> None:
    async def main() -> None:
        wire = await Wire(FaultyHub(random.Random(4))).connect()
        wire.hub.cut("server", "client")
        wire.client.send(wire.peer, b"lost")
        await wire.server_hears.have_down(wire.guest)
        await wire.client_hears.have_down(wire.peer)
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)
        with pytest.raises(Unavailable, match="no answer"):
            await wire.connect()
        wire.hub.heal("server", "client")
        await wire.connect()
        wire.client.send(wire.peer, b"again")
        assert await wire.server_hears.have(1, wire.guest) == [b"again"]
        assert wire.server_hears.count() == 1
        assert len(wire.server_hears.downs) == len(wire.client_hears.downs) == 1

    run(main())


def test_a_partition_cuts_only_between_its_groups() -> None:
    async def main() -> None:
        hub = FaultyHub(random.Random(5))
        wire = await Wire(hub).connect()
        hub.partition({"server", "client"}, {"elsewhere"})
        wire.client.send(wire.peer, b"x")
        await wire.server_hears.have(1)
        with pytest.raises(Unavailable):
            await hub.transport("elsewhere").connect(
                "local://server", Recorder(1.0), server_key=wire.endpoint.identity.public
            )

    run(main())


def test_a_crashed_machine_is_noticed_and_does_not_notice_itself() -> None:
    async def main() -> None:
        wire = await Wire(FaultyHub(random.Random(6), notice=3.0)).connect()
        wire.server.crash()
        assert await wire.client_hears.have_down(wire.peer) == "machine 'server' does not answer any more"
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)
        assert wire.server_hears.downs == []
        with pytest.raises(Unavailable, match="nobody listens"):
            await wire.client.connect("local://server", wire.client_hears)

    run(main())


def test_a_broken_connection_can_be_made_again() -> None:
    async def main() -> None:
        wire = await Wire(FaultyHub(random.Random(7))).connect()
        assert wire.hub.disconnect("client", "server") == 1
        await wire.server_hears.have_down(wire.guest)
        await wire.client_hears.have_down(wire.peer)
        await wire.connect()

    run(main())


def test_a_duplicate_comes_only_when_it_is_asked_for() -> None:
    async def main() -> list[bytes]:
        wire = await Wire(FaultyHub(random.Random(8), duplicate=1.0)).connect()
        wire.client.send(wire.peer, b"x")
        return await wire.server_hears.have(2)

    assert run(main()) == [b"x", b"x"]
