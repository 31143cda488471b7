"""A peer that breaks the protocol is not heard, is logged, and harms no other peer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import zmq
import zmq.asyncio

from hyperverse_core.contracts.lane import Identity
from hyperverse_core.errors import Unauthorized, Unavailable
from hyperverse_core.testing.lane_kit.harness import Harness, Pair
from hyperverse_zmq.connection import ZmqConnection
from hyperverse_zmq.transport import ZmqTransport
from lanes.raw_peers import ACK, BYE, DATA, GONE, HELLO, WELCOME, message, raw_peer
from patience import PATIENCE, until

PIECE = 128 * 1024


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """An endpoint with one well-behaved guest, over tcp."""
    harness = Harness(ZmqTransport, lambda: "tcp://127.0.0.1:*", PATIENCE)
    yield await harness.pair()
    harness.end()


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"x",),
        (b"GET / HTTP/1.1",),
        (os.urandom(5000),),
        (message(DATA, struct.pack("<I", 0)),),
        (message(HELLO, b"\1\0"), b"and", b"more"),
    ],
    ids=["nothing", "one byte", "http", "noise", "data before hello", "many parts"],
)
async def test_who_does_not_greet_is_not_let_in(
    pair: Pair, parts: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_peer(pair.address, pair.endpoint.identity.public) as stranger:
        await stranger.send(*parts)
        assert await stranger.until_bye() == "its first message is not a greeting"
        await stranger.send(message(HELLO, b"\1\0"))
        await pair.prove_it_works()
    assert pair.far_hears.ups == [pair.guest]
    assert "its first message is not a greeting" in caplog.text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\3\0", "cut off"),
        (message(99), "begins with 99"),
        (message(HELLO, b"\1\0"), "begins with 1"),
        (message(ACK, count=7), "confirms 7"),
        (message(DATA, b"\1"), "cut off"),
        (message(DATA, struct.pack("<I", 1_000_000)), "cut off"),
        (message(DATA, struct.pack("<II", 1, 50 << 4) + b"short"), "claims to have"),
        (message(DATA, struct.pack("<II", 1, 1 << 4) + b"too long"), "claims to have"),
        (message(DATA, struct.pack("<II", 1, 0 << 4 | 7 << 1)), "priority 7"),
    ],
)
async def test_a_peer_that_sends_nonsense_is_disconnected(
    pair: Pair, said: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_peer(pair.address, pair.endpoint.identity.public) as peer:
        await peer.greet()
        guest = await pair.far_hears.have_up(2)
        await peer.send(message(DATA, struct.pack("<II", 1, 4 << 4) + b"good"))
        assert await pair.far_hears.have(1, guest) == [b"good"]
        await peer.send(said)
        assert "broke the protocol" in await pair.far_hears.have_down(guest)
        await peer.until_bye()
        await peer.send(message(DATA, struct.pack("<II", 1, 5 << 4) + b"later"))
        await pair.prove_it_works()
        assert pair.far_hears.frames(guest) == [b"good"]
    assert guest.name in caplog.text
    assert pair.far_hears.downs_of(guest) == 1


async def test_a_frame_that_grows_too_large_ends_the_connection(pair: Pair) -> None:
    async with raw_peer(pair.address, pair.endpoint.identity.public) as peer:
        await peer.greet()
        guest = await pair.far_hears.have_up(2)
        piece = message(DATA, struct.pack("<II", 1, PIECE << 4 | 1) + bytes(PIECE))
        for _ in range(pair.far.max_frame // PIECE + 1):
            await peer.send(piece)
        assert "larger than" in await pair.far_hears.have_down(guest)
        await pair.prove_it_works()


async def test_a_message_that_is_too_large_is_not_even_read(pair: Pair) -> None:
    async with raw_peer(pair.address, pair.endpoint.identity.public) as peer:
        await peer.greet()
        guest = await pair.far_hears.have_up(2)
        await peer.send(message(DATA, bytes(50_000_000)))
        await pair.far_hears.have_down(guest)
        await pair.prove_it_works()


async def test_a_routing_id_of_ones_own_choice_is_refused(pair: Pair) -> None:
    key = pair.endpoint.identity.public
    async with raw_peer(pair.address, key, routing_id=b"stars-1") as one:
        await one.send(message(HELLO, b"\1\0"))
        assert await one.until_bye() == "it chose its own routing id"
        async with raw_peer(pair.address, key, routing_id=b"stars-1") as two:
            await two.send(message(HELLO, b"\1\0"))
            await pair.prove_it_works()
    assert pair.far_hears.ups == [pair.guest]


async def test_nobody_speaks_for_another_by_a_part_too_many(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    route = pair.far._peers[pair.guest][1].route  # type: ignore[attr-defined]  # whoever attacks would have to guess it
    async with raw_peer(pair.address, pair.endpoint.identity.public) as peer:
        await peer.greet()
        guest = await pair.far_hears.have_up(2)
        said = [message(DATA, struct.pack("<II", 1, 4 << 4) + word) for word in (b"good", b"evil")]
        await peer.send(said[0], route, said[1])
        await peer.send(said[0], b"noise")
        await peer.send(said[0])
        assert await pair.far_hears.have(3, guest) == [b"good"] * 3
        await pair.prove_it_works()
    assert b"evil" not in pair.far_hears.frames(pair.guest)
    assert "uses the routing id" in caplog.text


async def test_the_key_of_a_raw_peer_is_the_one_it_has_proved(pair: Pair) -> None:
    me = pair.near.new_identity()
    async with raw_peer(pair.address, pair.endpoint.identity.public, identity=me) as peer:
        await peer.greet()
        assert (await pair.far_hears.have_up(2)).key == me.public


async def test_without_curve_nobody_comes_in(pair: Pair) -> None:
    async with raw_peer(pair.address) as stranger:
        await stranger.send(message(HELLO, b"\1\0"))
        await pair.prove_it_works()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await stranger.receive()
    assert pair.far_hears.ups == [pair.guest]


@pytest.mark.parametrize("late", [False, True], ids=["", "greeted too late"])
async def test_an_endpoint_without_curve_is_not_trusted(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if late:
        _greet_after(0.3, monkeypatch)
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    harness = Harness(ZmqTransport, str, PATIENCE)
    transport = await harness.transport()
    key = transport.new_identity().public
    try:
        with pytest.raises(Unauthorized, match="prove"):
            await transport.connect(f"tcp://127.0.0.1:{port}", harness.recorder(), server_key=key)
    finally:
        context.destroy(0)
        harness.end()


async def test_who_greets_when_nobody_listens_any_more_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness(ZmqTransport, lambda: "tcp://127.0.0.1:*", PATIENCE)
    pair = await harness.pair()
    await pair.far.close()
    _greet_after(0.3, monkeypatch)
    with pytest.raises(Unavailable, match="nobody listens"):
        await pair.near.connect(pair.address, harness.recorder(), server_key=pair.endpoint.identity.public)
    harness.end()


def _greet_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer: ZeroMQ's thread is done with the connection before ours has greeted."""
    put = ZmqConnection._put

    def late(self: ZmqConnection, route: bytes, message: bytes) -> None:
        time.sleep(seconds)
        put(self, route, message)

    monkeypatch.setattr(ZmqConnection, "_put", late)


async def test_noise_on_the_port_harms_nobody(pair: Pair) -> None:
    host, port = pair.address.removeprefix("tcp://").split(":")
    for noise in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(10_000), b""):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise)
        writer.close()
    await pair.prove_it_works()
    assert pair.far_hears.ups == [pair.guest]


async def test_another_version_is_told_so(pair: Pair) -> None:
    async with raw_peer(pair.address, pair.endpoint.identity.public) as stranger:
        await stranger.send(message(HELLO, b"\2\0"))
        assert "another version" in await stranger.until_bye()


async def test_an_endpoint_takes_no_more_peers_than_it_may() -> None:
    harness = Harness(lambda: ZmqTransport({"max_peers": 1}), str, PATIENCE)
    pair = await harness.pair()
    with pytest.raises(Unavailable, match="limit of peers"):
        await pair.near.connect(pair.address, harness.recorder(), server_key=pair.endpoint.identity.public)
    await pair.near.disconnect(pair.peer)
    await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
    harness.end()


@contextlib.contextmanager
def raw_endpoint(identity: Identity) -> Iterator[tuple[str, zmq.asyncio.Socket]]:
    """A ROUTER socket without any of our code around it, and its address."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.ROUTER)
    socket.curve_server = True
    socket.curve_publickey, socket.curve_secretkey = identity.public.encode(), identity.secret.encode()
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    try:
        yield f"tcp://127.0.0.1:{port}", socket
    finally:
        context.destroy(0)


async def test_an_endpoint_that_answers_nonsense_is_left(pair: Pair) -> None:
    identity = pair.near.new_identity()
    with raw_endpoint(identity) as (address, socket):

        async def answer() -> None:
            route, _hello = await socket.recv_multipart()
            await socket.send_multipart([route, b"nonsense"])

        answering = asyncio.ensure_future(answer())
        with pytest.raises(Unavailable, match="does not speak the lane protocol"):
            await pair.near.connect(address, pair.near_hears, server_key=identity.public)
        await answering


async def test_two_who_say_goodbye_at_once_part_in_peace(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    async with raw_peer(pair.address, pair.endpoint.identity.public) as peer:
        await peer.greet()
        guest = await pair.far_hears.have_up(2)
        leaving = asyncio.ensure_future(pair.far.disconnect(guest))
        assert await peer.until_bye() == "closed by the other side"
        await peer.send(message(BYE))  # sent before theirs came, which is answered then
        await leaving
        await peer.send(message(GONE))
        await pair.prove_it_works()
    assert "greet" not in caplog.text


async def test_nothing_comes_after_goodbye(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint takes what does for the greeting of a stranger who does not greet as agreed."""
    monkeypatch.setattr("hyperverse_zmq.transport._PROBE_SECONDS", 0.02)
    near = ZmqTransport({})
    identity = near.new_identity()
    with raw_endpoint(identity) as (address, socket):
        connecting = asyncio.ensure_future(near.connect(address, pair.near_hears, server_key=identity.public))
        route, _hello = await socket.recv_multipart()
        await socket.send_multipart([route, message(WELCOME, b"\1\0")])
        leaving = asyncio.ensure_future(near.disconnect(await connecting))  # waits for an answer, which does not come
        said = [(await socket.recv_multipart())[1]]
        await leaving
        while await socket.poll(200):
            said.append((await socket.recv_multipart())[1])
        assert [one[0] for one in said] == [BYE]
    near.abort()


async def test_a_storm_of_failed_handshakes_is_logged_once_a_second_with_their_number(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hyperverse.lane.zmq")
    host, _, port = pair.address.removeprefix("tcp://").rpartition(":")

    def told() -> list[str]:
        return [record.message for record in caplog.records if "handshake" in record.message]

    begun = time.monotonic()
    for _ in range(100):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\xff" + bytes(8) + b"\x7f\3\0" + b"NULL".ljust(20, b"\0") + bytes(32))  # without CURVE
        with contextlib.suppress(ConnectionError):
            await reader.read()  # its end: the handshake has failed
        writer.close()
    await until(lambda: any("more handshakes failed" in text for text in told()), "the number of those that failed")
    assert len(told()) <= 2 * (time.monotonic() - begun + 2)
    await pair.prove_it_works()
