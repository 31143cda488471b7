"""A machine takes another key while it and others go on: both keys count for a while, and no wave is lost."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio

from cluster import cluster_kinds
from hyperverse_core import Client, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.config import Choice, Config, KindSettings
from hyperverse_core.config.default_transport import keys_folder
from hyperverse_core.contracts.lane import Identity
from hyperverse_core.data_dir.private_file import write_private_file
from hyperverse_core.errors import HyperverseError
from hyperverse_core.fabric.cluster.trusted_keys import TrustedKeys
from hyperverse_core.protocol.envelope import Refused, decode_lane
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_zmq.transport import ZmqTransport
from patience import LEASE, PATIENCE, until

SHORT = 5.0
"""Seconds of a lease: the key before counts at least so long."""


@attrs.define
class Person(Particle):
    """Keeps the order in which it was counted."""

    heard: list[int] = attrs.field(factory=list)

    @handler("Ext<Count>")
    async def count(self, ctx: Ctx, number: int) -> int:
        """Counts."""
        self.heard.append(number)
        return number

    @handler("Ext<Heard>")
    async def listed(self, ctx: Ctx) -> list[int]:
        """What was counted."""
        return self.heard

    @handler("Ext<Begin>")
    async def begin(self, ctx: Ctx, to: str) -> None:
        """Counts at another one until it is told to end, with Signals in one row and with Pings in another."""
        STARTED[ctx.point.text] = True
        ctx.spawn(self._counting(ctx, to))

    async def _counting(self, ctx: Ctx, to: str) -> None:
        number = 0
        while STARTED[ctx.point.text]:
            reply = await ctx.ping(to, "Ext<Count>", {"number": number}, wait=PATIENCE)
            REPLIES.append((reply.status, reply.attempts, reply.error if not reply.ok else ""))
            await ctx.signal(to, "Ext<Count>", {"number": number + 1})
            number += 2
        ENDED[ctx.point.text] = number


STARTED: dict[str, bool] = {}
ENDED: dict[str, int] = {}
REPLIES: list[tuple[int, int, str]] = []


class PersonDriver(Driver):
    kind = KindDef("Person", doc="Counts (for tests)")
    particle = Person


class People:
    """The plugin."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        """Person."""
        register(PersonDriver)


Start = Callable[..., Awaitable[Machine]]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def starter(name: str, lanes: Choice, lease: float = LEASE) -> Machine:
            kinds = {"Person": KindSettings(placement="round-robin")}
            config = Config(name=name, data_dir=tmp_path, lanes=lanes, lease=lease, kinds=kinds)
            return await stack.enter_async_context(Machine(config, plugins=(cluster_kinds, People())))

        yield starter


async def people(client: Client, machines: list[Machine]) -> dict[str, str]:
    """One person on each machine, by the name of the machine."""
    await client.exec("create space<Space>")
    found: dict[str, str] = {}
    for number in range(100):
        point = f"space:p{number}"
        await client.exec(f"create {point}<Person>")
        await client.ping(point, "Ext<Heard>")
        for machine in machines:
            if any(point in hosting.active for hosting in machine.parts.homes.values()):
                found.setdefault(machine.name, point)
        if len(found) == len(machines):
            return found
    raise AssertionError(f"all people live on {found}")


async def heard_by(client: Client, person: str, count: int) -> list[int]:
    """What a person has counted, as soon as that are ``count`` numbers: the last Signal may still be on its way."""
    async with asyncio.timeout(PATIENCE):
        while True:
            heard: list[int] = await client.ask(person, "Ext<Heard>")
            if len(heard) >= count:
                return heard
            await asyncio.sleep(0.01)


async def rotate(machine: Machine, **body: Any) -> dict[str, str]:
    made: dict[str, str] = await machine.client().ask("GLOBAL::machine", "Ext<RotateMachineKey>", body, wait=PATIENCE)
    return made


STEADY = {"heartbeat_timeout": PATIENCE}
"""No lane is lost because its machine had to wait for a processor: that would cost waves, whatever the keys are."""
LANES = [
    pytest.param(Choice("zmq", STEADY), id="zmq"),
    pytest.param(Choice("zmq", {"address": "tcp://127.0.0.1:*", **STEADY}), id="zmq over tcp"),
    pytest.param(Choice("stream", STEADY), id="stream"),
]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.one_case_in(3)
async def test_no_wave_is_lost_and_then_the_key_before_ends(start: Start, tmp_path: Path, lanes: Choice) -> None:
    a, b = [await start(name, lanes, SHORT) for name in ("a", "b")]
    for noted in (STARTED, ENDED, REPLIES):
        noted.clear()
    at = await people(a.client(), [a, b])
    keys = TrustedKeys(keys_folder(tmp_path, lanes.driver))
    before, old_place = keys.own("a", a.parts.transport), a.parts.board.address
    for one, other in (("a", "b"), ("b", "a")):
        await a.client().ask(at[one], "Ext<Begin>", {"to": at[other]})
    await until(lambda: len(REPLIES) > 20, "waves go both ways")
    made = await rotate(a, keep=0)
    assert made["key"] == keys.own("a", a.parts.transport).public != before.public
    board = b.parts.board
    await until(lambda: board.peers.by_name["a"].server_key == made["key"], "b goes to the new listener")
    went = len(REPLIES)
    await until(lambda: len(REPLIES) > went + 20, "waves go on with the new key")
    await until(lambda: keys.replaced("a") == [], "the key before has ended")
    went = len(REPLIES)
    await until(lambda: len(REPLIES) > went + 20, "waves go on without the key before")
    for point in at.values():
        STARTED[point] = False
    await until(lambda: len(ENDED) == 2, "both have ended")
    assert [reply for reply in REPLIES if reply != (200, 1, "")] == []
    for one, other in (("a", "b"), ("b", "a")):
        heard = await heard_by(a.client(), at[other], ENDED[at[one]])
        assert heard == list(range(ENDED[at[one]])), "each once, in their order"
    lane = board.peers.by_name["a"]
    assert not lane.down
    assert await refused(b, lane.address, lane.server_key, before)
    assert await refused(a, board.address, board.server_key, before)
    assert await refused(b, old_place, before.public, board.identity), "nobody comes in by the key before"


async def refused(machine: Machine, address: str, key: str, identity: Identity) -> bool:
    """Whether a listener lets nobody in with that key."""
    recorder = Recorder(PATIENCE)
    try:
        peer = await machine.parts.transport.connect(address, recorder, identity=identity, server_key=key)
    except HyperverseError:
        return True
    await until(lambda: recorder.frames(peer) or recorder.downs_of(peer), "an answer")
    return all(isinstance(decode_lane(frame), Refused) for frame in recorder.frames(peer))


async def test_a_key_whose_machine_stops_first_ends_with_the_next_start(start: Start, tmp_path: Path) -> None:
    a, b = [await start(name, Choice("zmq")) for name in ("a", "b")]
    keys = TrustedKeys(keys_folder(tmp_path, "zmq"))
    before = keys.own("a", a.parts.transport)
    made = await rotate(a, keep=3600)
    assert keys.replaced("a") == [before.public]
    assert b.parts.board.keys.holder(before.public) == "a"
    await a.stop()
    again = await start("a", Choice("zmq"))
    assert again.parts.board.server_key == made["key"]
    assert keys.replaced("a") == []
    await until(lambda: b.parts.board.keys.holder(before.public) == "", "b lets the key before in no more")


async def test_a_replacement_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    keys, transport = TrustedKeys(tmp_path), ZmqTransport()
    keys.own("a", transport)
    made = transport.new_identity()
    write_private_file(keys.directory / "a.next", json.dumps([made.public, made.secret]))
    assert keys.own("a", transport) == made
    assert sorted(path.name for path in keys.directory.iterdir()) == ["a.pub", "a.secret"]


async def test_a_fixed_address_takes_another_one_for_the_new_key(start: Start) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        fixed = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    a = await start("a", Choice("zmq", {"address": fixed}))
    refused = await a.client().ping("GLOBAL::machine", "Ext<RotateMachineKey>", wait=PATIENCE)
    assert (refused.status, "--address" in str(refused.body)) == (409, True)
    made = await rotate(a, keep=60, address="tcp://127.0.0.1:*")
    assert made["address"] not in ("", fixed)
    told = await start("b", Choice("zmq", {"address": "tcp://127.0.0.1:*", "advertise": "tcp://127.0.0.1:9"}))
    refused = await told.client().ping("GLOBAL::machine", "Ext<RotateMachineKey>", wait=PATIENCE)
    assert (refused.status, "--advertise" in str(refused.body)) == (409, True)


@pytest.mark.parametrize("keep", [-1, 1e9, float("inf")])
async def test_how_long_the_key_before_counts_has_bounds(start: Start, keep: float) -> None:
    a = await start("a", Choice("zmq"))
    assert (await a.client().ping("GLOBAL::machine", "Ext<RotateMachineKey>", {"keep": keep})).status == 400
