"""Ways between machines: forwarders, detours, hop limits, lanes that break, stars that come later."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster import cluster_kinds
from cluster.worlds import InProcess
from hyperverse_core.config import Config, Control, Limits, StarTemplate
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.fabric.services.system.discovery import search
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.kinds.kind import Kind

_CHAIN = (
    StarTemplate("first", "Nexus", 0, ("second",), "a"),
    StarTemplate("second", "Nexus", 0, ("third",), "b"),
    StarTemplate("third", "Nexus", 0, (), "c"),
    StarTemplate("home", "Super", 0, ("first",), "a"),
    StarTemplate("far", "Maelstrom", 0, ("third",), "c"),
)
_RING = (
    StarTemplate("west", "Maelstrom", 0, ("north", "south"), "a"),
    StarTemplate("north", "Nexus", 0, (), "b"),
    StarTemplate("south", "Nexus", 0, (), "c"),
    StarTemplate("east", "Super", 0, ("north", "south"), "d"),
)


class OneWayHub(FaultyHub):
    """A network in which a machine may be unable to connect to another one that can connect to it."""

    def __init__(self, chance: random.Random, *, notice: float) -> None:
        super().__init__(chance, notice=notice)
        self.blocked: set[tuple[str, str]] = set()

    def reachable(self, source: LocalTransport, target: LocalTransport) -> bool:
        return (source.machine, target.machine) not in self.blocked and super().reachable(source, target)


class Net:
    """Machines with a network whose wires can be cut."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.registry = MemoryRegistry()
        self.hub = OneWayHub(random.Random(1), notice=0.5)
        self.machines: dict[str, Machine] = {}

    async def start(self, stars: tuple[StarTemplate, ...], names: str, **limits: int) -> None:
        await self.registry.open()
        for name in names:
            config = Config(
                name=name,
                data_dir=self.directory,
                stars=stars,
                control=Control(enabled=False),
                limits=Limits(**limits),
            )
            machine = self.machines[name] = Machine(
                config,
                plugins=(cluster_kinds,),
                registry=self.registry,
                transport=self.hub.transport(name),
            )
            await machine.start()
        await asyncio.sleep(1.0)

    async def bounce(self, machine: str, star: str, wait: float = 2.0) -> tuple[int, int]:
        """Status and hops of a Bounce."""
        reply = await self.machines[machine].client().ping(f"<<STAR::central:{star}>>::star", "Cmd<Bounce>", wait=wait)
        return reply.status, reply.hops


@pytest_asyncio.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    found = Net(tmp_path)
    yield found
    for machine in found.machines.values():
        await machine.stop()


async def test_a_wave_is_passed_on_from_forwarder_to_forwarder(net: Net) -> None:
    """Two forwarders; a third lies between them."""
    await net.start(_CHAIN, "abc")
    assert await net.bounce("a", "far[0]") == (200, 4)
    assert await net.bounce("c", "home[0]") == (200, 4)


async def test_a_wave_is_not_sent_to_and_fro_by_machines_that_know_different_things(net: Net) -> None:
    """Hop limit and loop: the loop."""
    await net.start(_CHAIN, "abc")
    net.machines["b"].parts.ways.table()["STAR::central:far[0]"] = "a"
    reply = await net.machines["a"].client().ping("<<STAR::central:far[0]>>::star", "Cmd<Bounce>")
    assert (reply.status, str(reply.outcome)) == (503, "rejected")
    assert "leads back" in reply.error
    assert reply.id


async def test_a_wave_that_is_passed_on_too_often_is_answered_508(net: Net) -> None:
    """Hop limit and loop: the limit."""
    stars = (
        *_CHAIN[:2],
        StarTemplate("third", "Nexus", 0, ("fourth",), "c"),
        StarTemplate("fourth", "Nexus", 0, (), "d"),
    )
    await net.start(stars, "abcd", hops=1)
    assert (await net.bounce("a", "third[0]"))[0] == 200
    assert (await net.bounce("a", "fourth[0]"))[0] == 508


async def test_the_other_forwarder_is_used_when_one_cannot_be_reached(net: Net) -> None:
    """Two forwarders: more than one forwarder works."""
    await net.start(_RING, "abcd")
    assert await net.bounce("a", "east[0]") == (200, 3)
    net.hub.cut("a", "b")
    await asyncio.sleep(1.0)
    assert await net.bounce("a", "east[0]") == (200, 3)
    net.hub.cut("a", "c")
    await asyncio.sleep(1.0)
    assert (await net.bounce("a", "east[0]"))[0] == 503


async def test_no_way_is_answered_503_with_the_cause_and_mended_lanes_are_found(net: Net) -> None:
    """Lane cut and reconnect."""
    await net.start(_CHAIN, "abc")
    net.hub.cut("b", "c")
    net.hub.cut("a", "b")
    await asyncio.sleep(1.0)
    reply = await net.machines["a"].client().ping("<<STAR::central:far[0]>>::star", "Cmd<Bounce>")
    assert reply.status == 503
    assert "no way to STAR::central:far[0]" in reply.error
    assert str(reply.outcome) == "rejected"
    net.hub.heal_all()
    await asyncio.sleep(3.5)
    assert await net.bounce("a", "far[0]") == (200, 4)


async def test_waves_that_wait_for_a_broken_lane_arrive_in_order_or_are_answered(net: Net) -> None:
    """Lane cut and reconnect with waiting waves."""
    await net.start(_RING, "abcd")
    client = net.machines["a"].client()
    for command in ("localhost<Space>", "localhost:t<Tally>"):
        await client.exec(f"create {command}")
    await client.ping("localhost:t", "Ext<Value>")
    pings = []
    for number in range(300):
        pings.append(asyncio.ensure_future(client.ping("localhost:t", "Ext<Tell>", {"what": number}, wait=5.0)))
        if number % 60 == 30:
            for one, other in ("ab", "ac", "bd", "cd"):
                net.hub.disconnect(one, other)
        await asyncio.sleep(0.001)
    replies = await asyncio.gather(*pings)
    told = (await client.ping("localhost:t", "Ext<Told>")).unwrap()
    assert sorted(set(told)) == sorted(told)
    assert all(reply.id and reply.sender.text == "localhost:t" for reply in replies)  # a client could not match them
    assert {n for n, reply in enumerate(replies) if reply.ok} <= set(told)
    assert not {n for n, reply in enumerate(replies) if str(reply.outcome) == "rejected"} & set(told)
    assert told == sorted(told)


async def test_one_way_broken_for_the_answer_does_not_cost_the_answer(net: Net) -> None:
    await net.start(_RING, "ad")
    assert (await net.bounce("a", "east[0]", wait=1.0))[0] == 503  # no forwarder runs
    assert (await net.bounce("d", "east[0]"))[0] == 200


@pytest.mark.parametrize("connecting", [False, True], ids=["its lane is down", "its lane connects"])
async def test_an_answer_goes_back_by_the_connection_that_its_machine_has_made(net: Net, connecting: bool) -> None:
    """The machine between has no lane of its own to whoever asked, as for a moment after all lanes were lost."""
    await net.start(_CHAIN, "abc")
    parts = net.machines["b"].parts
    net.hub.blocked.add(("b", "a"))
    parts.board.peers.by_name["a"].broken("it is blocked")
    await asyncio.sleep(0.5)
    assert parts.board.peers.causes()["a"]
    if connecting:  # it takes what it is given until it has failed for the first time
        lane = parts.board.peers.by_name.pop("a")
        await lane.close()
        parts.ways.table().update({str(key): "a" for key in net.machines["a"].parts.homes})
    assert (await net.bounce("a", "far[0]", wait=20.0))[0] == 200


async def test_a_search_finds_each_star_once_with_its_hops(net: Net) -> None:
    """A search reaches every star once."""
    await net.start(_CHAIN, "abc")
    star = net.machines["a"].parts.outbound
    found = await search(star)
    assert [(str(d.star), d.hops) for d in found] == [
        ("STAR::machine:a[0]", 0),
        ("STAR::central:first[0]", 1),
        ("STAR::central:home[0]", 1),
        ("STAR::central:second[0]", 2),
        ("STAR::central:third[0]", 3),
        ("STAR::machine:b[0]", 3),
        ("STAR::central:far[0]", 4),
        ("STAR::machine:c[0]", 4),
    ]
    assert [str(d.star) for d in await search(star, star_kind="Maelstrom")] == ["STAR::central:far[0]"]
    assert [str(d.star) for d in await search(star, kind=Kind.parse("Space"))] == ["STAR::central:home[0]"]
    assert [d.hops for d in await search(star, key=StarKey.parse("STAR::central:third[0]"))] == [3]


async def test_a_machine_that_joins_later_takes_part_within_a_second(inside: InProcess) -> None:
    """A star that joins later takes part within a second."""
    first = await inside.start("first")
    client = first.client()
    await client.exec("create localhost<Space>")
    await inside.start("second")
    await asyncio.sleep(1.0)
    rows = await client.stars()
    assert {row["machine"] for row in rows} == {"first", "second"}
    for row in rows:
        assert (await client.ping(f"<<{row['star']}>>::star", "Cmd<Bounce>")).ok
    for number in range(20):
        await client.exec(f"create localhost:t{number}<Tally>")
    replies = [await client.ping(f"localhost:t{number}", "Ext<Value>") for number in range(20)]
    assert {reply.remote for reply in replies} == {True, False}


async def test_a_machine_that_stops_is_forgotten_at_once_and_nothing_of_its_state_is_lost(inside: InProcess) -> None:
    """Orderly terminate."""
    first, second = await inside.start("first"), await inside.start("second")
    await asyncio.sleep(1.0)
    client = first.client()
    await client.exec("create localhost<Space>")
    for number in range(10):
        await client.exec(f"create localhost:t{number}<Tally>")
        await client.ping(f"localhost:t{number}", "Ext<Tell>", {"what": number})
    await second.stop()
    told = [(await client.ping(f"localhost:t{number}", "Ext<Told>")).unwrap() for number in range(10)]
    assert told == [[number] for number in range(10)]
    assert {row["machine"] for row in await client.stars()} == {"first"}


@pytest.mark.parametrize("aspect", ["spread", "hash", "round-robin", "near-parent"])
async def test_every_strategy_places_particles_on_live_stars(inside: InProcess, aspect: str) -> None:
    from hyperverse_core.config import KindSettings

    kinds = {"Tally": KindSettings(placement=aspect)}
    first = await inside.start("first", kinds=kinds)
    await inside.start("second", kinds=kinds)
    await asyncio.sleep(1.0)
    client = first.client()
    await client.exec("create localhost<Space>")
    for number in range(30):
        await client.exec(f"create localhost:t{number}<Tally>")
    replies = [await client.ping(f"localhost:t{number}", "Ext<Value>") for number in range(30)]
    assert all(reply.ok for reply in replies)
    assert len({reply.star for reply in replies}) > 3
    assert {reply.remote for reply in replies} == ({False} if aspect == "near-parent" else {True, False})
