"""A machine whose key is let in, and which lies: about its stars, about its name, and about what it was asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest_asyncio

from hyperverse_core import Ctx, Driver, KindDef, Machine, Particle, Ping, Point, Pong, Signal, handler, hookimpl
from hyperverse_core.config import Config, KindSettings
from hyperverse_core.config.default_transport import keys_folder
from hyperverse_core.contracts.lane import Peer
from hyperverse_core.data_dir.audit.files import AuditPlace
from hyperverse_core.data_dir.audit.reading import rows_of
from hyperverse_core.fabric.cluster.trusted_keys import TrustedKeys
from hyperverse_core.protocol.codec import (
    decode,
    encode_ping,
    encode_pong,
    encode_provision_reply,
    encode_provision_request,
    encode_signal,
)
from hyperverse_core.protocol.envelope import Envelope, Hello, Refused, RevisionNotice, decode_lane, encode_lane
from hyperverse_core.protocol.frames import PROTOCOL
from hyperverse_core.protocol.messages import ProvisionReply, ProvisionRequest
from hyperverse_core.testing.lane_kit.recorder import Recorder
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.waves.method import Method
from hyperverse_stream.transport import StreamTransport
from patience import LEASE, PATIENCE, until
from thoroughness import examples

A, B, EVIL = "STAR::machine:a[0]", "STAR::machine:b[0]", "STAR::machine:evil[0]"
NOBODYS = "STAR::central:nobody[0]"


def star(key: str) -> Point:
    return Point.of_star(StarKey.parse(key))


class Clerk(Particle):
    """Keeps who has asked, and answers after a while."""

    concurrent = True

    @handler("Ext<Ask>")
    async def asked(self, ctx: Ctx, seconds: float = 0.0) -> str:
        ASKED.append(ctx.agent.text)
        await asyncio.sleep(seconds)
        return "the true answer"


ASKED: list[str] = []


class ClerkDriver(Driver):
    kind = KindDef("Clerk")
    particle = Clerk


class Clerks:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(ClerkDriver)


@attrs.define
class Liar:
    """Two honest machines, and one that has a key but runs other code.

    Attributes:
        at_a, at_b: a particle at each of the honest ones.
    """

    a: Machine
    b: Machine
    transport: StreamTransport
    identity: Any
    at_a: str
    at_b: str
    hears: Recorder
    peer: Peer

    async def connect(self, name: str = "evil") -> None:
        """A new connection of the hostile machine to machine a, which begins with a hello as ``name``."""
        board = self.a.parts.board
        self.hears = Recorder(PATIENCE)
        self.peer = await self.transport.connect(
            board.address, self.hears, identity=self.identity, server_key=board.server_key
        )
        self.transport.send(self.peer, encode_lane(Hello(PROTOCOL, name, "0", "central")))

    def said(self) -> list[Any]:
        """What machine a has sent by the last connection."""
        return [decode_lane(frame) for frame in self.hears.frames(self.peer)]

    async def greeted(self) -> None:
        await until(lambda: any(isinstance(said, Hello) for said in self.said()), "a hello")

    def send(self, payload: bytes, *, number: int = 0, origin: str = EVIL, passed: tuple[str, ...] = ()) -> None:
        envelope = Envelope(A, 8, number, origin, 3, passed, msgspec.Raw(payload))
        self.transport.send(self.peer, encode_lane(envelope))

    async def answer(self, number: int) -> Any:
        """The answer to the request with that number."""

        def find() -> list[Any]:
            return [e for e in self.said() if isinstance(e, Envelope) and e.number == number]

        await until(find, f"the answer to {number}")
        return decode(find()[0].payload, 0.0)

    async def refusals(self) -> list[tuple[str, str]]:
        """The lines of the audit log of machine a about the hostile one: for which star, and why."""
        place = AuditPlace.of(self.a.data_dir, "a", self.a.config.audit.directory)
        rows = [row for row in rows_of(place) if row["event"] == "machine refused"]
        assert all(row["agent"] == "evil" for row in rows)
        return [(row["target"], row["why"]) for row in rows]


def ping(agent: Point, method: str = "Ext<Ask>", to: str = "space:c0", sender: Point | None = None) -> bytes:
    wave = Ping(Point.parse(to), Method.parse(method), sender=sender or agent, agent=agent, deadline=5.0, id="x-1")
    return encode_ping(wave, 0.0)


@pytest_asyncio.fixture
async def liar(tmp_path: Path) -> AsyncIterator[Liar]:
    async with AsyncExitStack() as stack:
        machines = []
        for name in ("a", "b"):
            kinds = {"Clerk": KindSettings(placement="round-robin")}
            config = Config(name=name, data_dir=tmp_path, lease=LEASE, kinds=kinds)
            machines.append(await stack.enter_async_context(Machine(config, plugins=(Clerks(),))))
        a, b = machines
        client, places = a.client(), {}
        await client.exec("create space<Space>")
        for number in range(20):
            await client.exec(f"create space:c{number}<Clerk>")
            places[(await client.ping(f"space:c{number}", "Ext<Ask>")).remote] = f"space:c{number}"
            if len(places) == 2:
                break
        await until(lambda: a.parts.board.peers.causes() == {"b": ""}, "a lane")
        transport = StreamTransport()
        stack.push_async_callback(transport.close)
        identity = transport.new_identity()
        TrustedKeys(keys_folder(tmp_path, "stream")).allow("evil", identity.public)
        found = Liar(a, b, transport, identity, places[False], places[True], Recorder(PATIENCE), Peer("", ""))
        await found.connect()
        await found.greeted()
        ASKED.clear()
        yield found


async def test_it_asks_as_no_star_but_its_own(liar: Liar) -> None:
    """Each is refused, runs nowhere, and is in the audit log once."""
    forged: dict[int, tuple[int, bytes, dict[str, Any]]] = {
        1: (403, ping(HYPERUSER, to=liar.at_a), {"origin": B}),
        2: (403, ping(HYPERUSER, to=liar.at_a), {"origin": A}),
        3: (403, ping(star(B), to=liar.at_a), {}),
        4: (403, ping(star(A), to=liar.at_a), {}),
        5: (403, ping(star(B), "Hyp<Status>", star(A).text), {}),
        6: (503, ping(star(NOBODYS), to=liar.at_a), {}),
        7: (503, ping(star(B), to=liar.at_a), {"origin": B, "passed": ("b",)}),
        8: (503, ping(star(B), to=liar.at_a), {"origin": EVIL, "passed": ("b",)}),
        9: (403, ping(Point.parse(f"<<{B}>>::star:drivers:clerk"), to=liar.at_a), {}),
        10: (403, ping(HYPERUSER, "Hyp<Status>", star(A).text), {}),
        11: (403, ping(Point.parse(f"<<{EVIL}>>::star:x"), "Hyp<Status>", star(A).text), {}),
    }
    for number, (status, payload, more) in forged.items():
        liar.send(payload, number=number, **more)
        assert (number, (await liar.answer(number)).status) == (number, status)
    for _ in range(50):
        liar.send(ping(star(B), to=liar.at_a), number=99)
    liar.send(
        encode_signal(Signal(Point.parse(liar.at_a), Method.parse("Ext<Ask>"), sender=star(B), agent=star(B)), 0.0)
    )
    provision = ProvisionRequest("x", StarKey.parse(A), Point.parse(liar.at_a), None)
    liar.send(encode_provision_request(provision), number=100, origin=B)
    assert (await liar.answer(100)).status == 403
    assert ASKED == []
    refusals = await liar.refusals()
    assert len(refusals) == len(set(refusals)) >= 7
    assert (await liar.b.client().ping(liar.at_a, "Ext<Ask>")).ok


async def test_it_answers_nothing_that_another_was_asked(liar: Liar) -> None:
    client = liar.a.client()
    asked = [asyncio.ensure_future(client.ping(liar.at_b, "Ext<Ask>", {"seconds": 0.5})) for _ in range(5)]
    await until(lambda: len(ASKED) == 5, "all to be asked")
    numbers = range(1, next(liar.a.parts.pending.numbers) + 1)
    for passed in ((), ("b",)):
        for number in numbers:
            lie = Pong(200, "a lie", Point.parse(liar.at_b), id="x")
            liar.send(encode_pong(lie), number=number, origin="", passed=passed)
            liar.send(encode_provision_reply(ProvisionReply("x", None)), number=number, origin="", passed=passed)
    assert [reply.body for reply in await asyncio.gather(*asked)] == ["the true answer"] * 5
    assert [why for _, why in await liar.refusals()] == ["403 machine 'evil' has answered a request to another machine"]


async def test_it_comes_in_under_no_other_name(liar: Liar) -> None:
    await liar.connect("b")
    await liar.hears.have_down(liar.peer)
    assert [said.status for said in liar.said() if isinstance(said, Refused)] == [401]


async def test_what_is_no_frame_ends_its_connection_and_nothing_else(liar: Liar) -> None:
    """25 connections every day, 100 in CI; 10 ms each."""
    chance = random.Random(11)
    good = [
        encode_lane(Envelope(A, 8, 1, EVIL, 3, (), msgspec.Raw(ping(HYPERUSER)))),
        encode_lane(Hello(PROTOCOL, "evil", "0", "central")),
        encode_lane(RevisionNotice(2**40)),
        encode_lane(Envelope(A, 8, 1, EVIL, 3, (), msgspec.Raw(b"\x91" * 5_000 + b"\x90"))),
        encode_lane(Envelope(A, 2**60, -1, "\0", 4, ("x",) * 5_000, msgspec.Raw(b"\xc0"))),
    ]
    honest, ended = liar.a.client(), 0
    for _ in range(examples(100)):
        frame = bytearray(chance.choice(good))
        for _ in range(chance.randrange(4)):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        liar.transport.send(liar.peer, bytes(frame[: chance.randrange(1, len(frame) + 1)]))
        assert (await honest.ping(liar.at_b, "Ext<Ask>")).ok
        if liar.hears.downs_of(liar.peer):
            ended += 1
            await liar.connect()
            await liar.greeted()
    assert ended
    assert (await liar.b.client().ping(liar.at_a, "Ext<Ask>")).ok
