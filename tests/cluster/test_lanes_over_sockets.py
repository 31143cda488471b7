"""Lanes between two machines in this process, over real sockets."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio

from cluster import cluster_kinds
from hyperverse_core import Client, Ctx, Driver, KindDef, Particle, Pong, handler, hookimpl
from hyperverse_core.config import Choice, Config, KindSettings, Limits
from hyperverse_core.config.default_transport import keys_folder
from hyperverse_core.errors import HyperverseError
from hyperverse_core.fabric.cluster.trusted_keys import TrustedKeys
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.protocol.envelope import Hello, Refused, decode_lane, encode_lane
from hyperverse_core.protocol.frames import PROTOCOL
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_core.universe.waves.wave import Directed, Priority
from hyperverse_zmq.transport import ZmqTransport
from patience import LEASE, PATIENCE, budget
from postgres_server import Database, dropped

pytestmark = pytest.mark.one_case_in(2)

_LARGE = b"hyper" * 600_000


@attrs.define
class Person(Particle):
    """Says hello to somebody, and keeps which hello was said to it."""

    heard: list[str] = attrs.field(factory=list)

    @handler("Ext<Hello>")
    async def hello(self, ctx: Ctx) -> dict[str, Any]:
        """Who says hello, by which wave."""
        self.heard.append(ctx.wave.id)
        return {"sender": ctx.wave.sender.text, "id": ctx.wave.id}

    @handler("Ext<Greet>")
    async def greet(self, ctx: Ctx, who: str) -> dict[str, Any]:
        """Says hello to ``who``."""
        reply = await ctx.ping(who, "Ext<Hello>")
        return {"status": reply.status, "body": reply.body, "id": reply.id, "remote": reply.remote}


class PersonDriver(Driver):
    kind = KindDef("Person", doc="Says hello (for tests)")
    particle = Person


class People:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Person."""
        register(PersonDriver)


@attrs.define
class Pair:
    """Machines a and b, with a person on each."""

    directory: Path
    stack: AsyncExitStack
    a: Machine
    b: Machine
    at_a: str = ""
    at_b: str = ""

    async def client(self, machine: Machine) -> Client:
        """A client from outside."""
        found: Client = await self.stack.enter_async_context(Client.connect(self.directory, machine=machine.name))
        return found


async def connected(directory: Path, stack: AsyncExitStack, lanes: Choice, registry: Choice | None = None) -> Pair:
    """Two machines that have lanes to one another, and know both people. No lane is lost because a machine had to wait
    for a processor."""
    lanes = attrs.evolve(lanes, settings={"heartbeat_timeout": PATIENCE, **lanes.settings})
    machines = []
    for name in ("a", "b"):
        config = Config(
            name=name,
            data_dir=directory,
            lanes=lanes,
            registry=registry or Choice("sql"),
            lease=LEASE,
            kinds={"Person": KindSettings(placement="round-robin")},
            limits=Limits(client_waves=32),
        )
        machine = Machine(config, plugins=(cluster_kinds, People()))
        machines.append(await stack.enter_async_context(machine))
    pair = Pair(directory, stack, *machines)
    client = pair.a.client()
    await client.exec("create space<Space>")
    async with asyncio.timeout(PATIENCE):
        for number in range(100):
            point = f"space:p{number}"
            await client.exec(f"create {point}<Person>")
            if (await client.ping(point, "Ext<Hello>")).remote:
                pair.at_b = point
            else:
                pair.at_a = point
            if pair.at_a and pair.at_b:
                return pair
    raise AssertionError("all people live on one machine")


TCP = {"address": "tcp://127.0.0.1:*"}


@pytest_asyncio.fixture(
    params=[
        ("zmq", "ipc://", {}),
        ("zmq", "tcp://", TCP),
        ("stream", "unix://", {}),
        ("stream", "tcp://", TCP),
        pytest.param(("zmq", "ipc://", {}, "postgres"), marks=pytest.mark.thorough),
        pytest.param(("nats", "nats:", {}, "postgres"), marks=pytest.mark.thorough),
    ],
    ids=lambda lanes: f"{lanes[0]} over {' on '.join((lanes[1].partition(':')[0], *lanes[3:]))}",
)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    driver, scheme, settings, *registry = request.param
    if driver == "nats":
        settings = request.getfixturevalue("nats_settings")
    async with AsyncExitStack() as stack:
        table = None
        if registry:
            database = Database(request.getfixturevalue("postgres_url"), f"test_{uuid.uuid4().hex[:12]}")
            stack.push_async_callback(dropped, database)
            table = Choice("postgres", database.settings)
        found = await connected(tmp_path, stack, Choice(driver, settings), table)
        assert found.a.parts.board.address.startswith(scheme)
        yield found


@pytest_asyncio.fixture
async def tcp(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        yield await connected(tmp_path, stack, Choice("zmq", TCP))


async def test_a_wave_goes_through_a_lane_with_its_id(pair: Pair) -> None:
    """The person at a greets the one at b, who hears the very same wave."""
    said = await pair.a.client().ask(pair.at_a, "Ext<Greet>", {"who": pair.at_b})
    assert (said["status"], said["remote"]) == (200, True)
    assert said["body"] == {"sender": pair.at_a, "id": said["id"]}


async def test_a_lane_carries_both_ways(pair: Pair) -> None:
    """What is sent into either end comes out at the other one."""
    for one, other in ((pair.at_a, pair.at_b), (pair.at_b, pair.at_a)):
        said = await pair.b.client().ask(one, "Ext<Greet>", {"who": other})
        assert (said["status"], said["body"]["sender"], said["remote"]) == (200, one, True)


async def test_a_client_sends_waves_and_is_sent_some(pair: Pair) -> None:
    """A client's wave arrives, and a wave for the client arrives there; also from the other machine."""
    client = await pair.client(pair.a)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def answer(wave: Directed) -> Pong:
        await heard.put(wave.sender.text)
        return Pong(200, {"sender": wave.sender.text, "id": wave.id})

    client.on_wave(answer)
    assert (await client.ask(pair.at_b, "Ext<Hello>"))["sender"] == client.surface.point.text
    for person in (pair.at_a, pair.at_b):
        said = await client.ask(person, "Ext<Greet>", {"who": client.surface.point.text})
        assert (said["status"], said["body"]["sender"]) == (200, person)
        assert await asyncio.wait_for(heard.get(), PATIENCE) == person


@pytest.mark.parametrize("machines", ["aa", "ab"], ids=["one machine", "a machine for each"])
async def test_another_client_answers_a_client_through_the_gates(pair: Pair, machines: str) -> None:
    """Two clients connect to one machine, or each to another. A hello for the second is answered 200."""
    at_a, at_b = [await pair.client(pair.a if name == "a" else pair.b) for name in machines]
    at_b.on_wave(lambda wave: Pong(200, "hello" if wave.method.text == "Ext<Hello>" else None))
    said = await at_a.ask(pair.at_a, "Ext<Greet>", {"who": at_b.surface.point.text})
    assert (said["status"], said["body"]) == (200, "hello")


async def test_a_bounce_crosses_from_the_client_of_one_machine_to_that_of_another(pair: Pair) -> None:
    """What a bridge between two interchanges is for, a lane between two machines does. Two machines,
    their link over a real transport, a bounce across."""
    at_a, at_b = await pair.client(pair.a), await pair.client(pair.b)
    reply = await at_a.ping(at_b.surface.point, "Cmd<Bounce>", wait=PATIENCE)
    assert (reply.status, reply.body, reply.sender, reply.remote) == (200, None, at_b.surface.point, True)
    back = await at_b.ping(at_a.surface.point, "Cmd<Bounce>", wait=PATIENCE)
    assert (back.status, back.body, back.sender, back.remote) == (200, None, at_a.surface.point, True)


async def test_machines_meet_over_tcp_with_keys_and_nobody_else_comes_in(tcp: Pair) -> None:
    """Over TCP both sides prove their keys; a stranger, and one that expects another key, is refused."""
    assert set(tcp.a.parts.board.keys.names()) == {"a", "b"}
    assert (await tcp.a.client().ping(tcp.at_b, "Ext<Hello>")).remote
    assert (await tcp.b.client().ping(tcp.at_a, "Ext<Hello>")).remote
    stranger, hears = ZmqTransport(), Recorder(PATIENCE)
    try:
        board = tcp.a.parts.board
        with pytest.raises(HyperverseError):
            wrong = stranger.new_identity().public
            await stranger.connect(
                board.address, hears, identity=stranger.new_identity(), server_key=wrong, timeout=1.0
            )
        identity = stranger.new_identity()
        peer = await stranger.connect(board.address, hears, identity=identity, server_key=board.server_key)
        stranger.send(peer, encode_lane(Hello(PROTOCOL, "b", "0", "central")))
        await hears.have_down(peer)
        refusals = [said for frame in hears.frames() if isinstance(said := decode_lane(frame), Refused)]
        assert [said.status for said in refusals] == [401]
    finally:
        await stranger.close()
    assert (await tcp.a.client().ping(tcp.at_b, "Ext<Hello>")).remote


async def test_three_megabytes_go_both_ways_over_tcp(tcp: Pair) -> None:
    """A large body each way, in both directions, while small waves go on."""
    client = tcp.a.client()
    points = [f"space:t{number}" for number in range(8)]
    for point in points:
        await client.exec(f"create {point}<Tally>")
    replies = []
    for some in (points[:4], points[4:]):  # a lane holds 16 MiB that wait, and all may live on the other machine
        replies += await asyncio.gather(*(client.ping(point, "Ext<Echo>", _LARGE, wait=PATIENCE) for point in some))
    assert {reply.remote for reply in replies} == {True, False}
    assert all(reply.unwrap() == _LARGE for reply in replies)
    far = next(point for point, reply in zip(points, replies, strict=True) if reply.remote)
    near = next(point for point, reply in zip(points, replies, strict=True) if not reply.remote)
    both = await asyncio.gather(
        client.ping(far, "Ext<Echo>", _LARGE, wait=PATIENCE),
        tcp.b.client().ping(near, "Ext<Echo>", _LARGE, wait=PATIENCE),
        *(client.ping(tcp.at_b, "Ext<Hello>") for _ in range(20)),
    )
    assert all(reply.ok for reply in both)
    assert both[0].body == both[1].body == _LARGE


async def test_a_clients_urgent_wave_goes_before_those_of_its_own_that_wait(pair: Pair) -> None:
    """A machine takes only so many waves of a client at once; the others wait on the client's side."""
    client = await pair.client(pair.b)
    for text in ("create space:busy<Tally>",):
        await client.exec(text)
    order: list[str] = []

    async def tell(name: str, priority: Priority) -> None:
        body = {"what": name}
        (await client.ping("space:busy", "Ext<Tell>", body, priority=priority, wait=PATIENCE)).unwrap()
        order.append(name)

    many = [asyncio.ensure_future(tell(f"low {number}", Priority.LOW)) for number in range(300)]
    urgent = [asyncio.ensure_future(tell(f"high {number}", Priority.HIGH)) for number in range(5)]
    await asyncio.gather(*many, *urgent)
    told = await client.ask("space:busy", "Ext<Told>")
    assert [name for name in told if name[0] == "l"] == [f"low {number}" for number in range(300)]
    assert [name for name in told if name[0] == "h"] == [f"high {number}" for number in range(5)]
    assert told.index("high 4") <= 32 + 5  # as many were under way already
    assert order.index("high 4") <= 32 + 5


async def until(holds: Callable[[], bool]) -> float:
    """Waits until it holds. Returns the seconds that it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not holds() and loop.time() - began < PATIENCE:  # noqa: ASYNC110 - a lane tells nobody in a test
        await asyncio.sleep(0.02)
    assert holds()
    return loop.time() - began


async def test_a_key_that_is_removed_ends_the_lanes_of_its_machine_within_a_second(pair: Pair) -> None:
    """It used to count until the next restart, and we still connected to that machine."""
    client = await pair.client(pair.a)
    assert (await client.ping(pair.at_b, "Ext<Hello>")).ok
    a, b = pair.a.parts.board, pair.b.parts.board
    keys = TrustedKeys(keys_folder(pair.directory, pair.a.config.lanes.driver))
    held = keys.names()["b"]
    keys.remove("b")
    assert await until(lambda: bool(a.peers.causes()["b"] and b.peers.causes()["a"])) < budget(1.0)
    assert "not allowed" in a.peers.causes()["b"]
    assert (await client.ping(pair.at_b, "Ext<Hello>", wait=2.0)).status in (408, 503)
    assert (await client.ping(pair.at_a, "Ext<Hello>")).ok
    (keys.directory / "b.pub").write_text(held + "\n")
    await until(lambda: not (a.peers.causes()["b"] or b.peers.causes()["a"]))
    assert (await client.ping(pair.at_b, "Ext<Hello>", wait=PATIENCE, retries=5)).ok


async def test_a_data_directory_keeps_the_keys_of_each_transport(tmp_path: Path) -> None:
    """A machine may go from one transport to another and back: it is the same machine to those who know its keys."""
    seen = []
    for driver in ("zmq", "stream", "zmq", "stream"):
        async with Machine(Config(data_dir=tmp_path, lanes=Choice(driver)), plugins=(cluster_kinds,)) as machine:
            async with Client.connect(tmp_path) as client:
                (await client.ping(client.surface.point, "Cmd<Bounce>")).unwrap()
            seen.append((machine.parts.board.identity.public, TrustedKeys(keys_folder(tmp_path, driver)).names()))
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]
