"""Whoever does not prove a key, or changes what is on the way, is not heard and harms nobody."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from hyperverse_core.contracts.lane import Endpoint
from hyperverse_core.errors import BadRequest, ConfigError, HyperverseError, Unauthorized
from hyperverse_core.testing.lane_kit.harness import Harness, Pair
from hyperverse_core.transport import Cipher, NotProven, SecretKey
from hyperverse_stream.noise import Initiator, Responder
from hyperverse_stream.peer_process import PeerProcess
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE, until

Change = Callable[[int, bytes], bytes]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """An endpoint with one well-behaved guest, over tcp."""
    harness = Harness(StreamTransport, lambda: "tcp://127.0.0.1:*", PATIENCE)
    yield await harness.pair()
    harness.end()


def place(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


async def said_by(address: str, *messages: bytes) -> bytes:
    """What an endpoint answers to somebody who says that, until it closes the connection."""
    reader, writer = await asyncio.open_connection(*place(address))
    try:
        for message in messages:
            writer.write(message)
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "little") + message


@pytest.mark.parametrize(
    "message",
    [
        framed(b""),
        framed(b"x"),
        b"GET / HTTP/1.1\r\n\r\n",
        framed(os.urandom(48)),
        b"\xff\xff\xff\x7f",
        framed(bytes(48)),
    ],
    ids=["nothing", "one byte", "http", "a wrong key", "two gigabytes", "zeros"],
)
async def test_who_proves_nothing_is_sent_away(pair: Pair, message: bytes) -> None:
    assert await said_by(pair.address, message) in (b"", framed(b"K"))
    assert pair.far_hears.ups == [pair.guest]
    await pair.prove_it_works()


async def test_strange_beginnings_harm_nobody(pair: Pair) -> None:
    dice = random.Random(7)
    begun = framed(Initiator(os.urandom(32), os.urandom(32)).first())
    for _ in range(60):
        size = dice.randrange(1, 200)
        strange = dice.choice(
            [dice.randbytes(size), framed(dice.randbytes(size)), begun[:size], begun + dice.randbytes(9)]
        )
        reader, writer = await asyncio.open_connection(*place(pair.address))
        writer.write(strange)
        writer.close()
        del reader
    await pair.prove_it_works()
    assert pair.far_hears.ups == [pair.guest]


async def test_a_silent_stranger_is_sent_away_in_time_and_takes_no_place_of_others(tmp_path: Path) -> None:
    settings = {"handshake_timeout": 0.5, "max_strangers": 2, "heartbeat_interval": 0.1}
    harness = Harness(partial(StreamTransport, settings), lambda: "tcp://127.0.0.1:*", PATIENCE)
    try:
        pair = await harness.pair()
        silent = [await asyncio.open_connection(*place(pair.address)) for _ in range(4)]
        for reader, _ in silent:
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        await again.prove_it_works()
        for _, writer in silent:
            writer.close()
    finally:
        harness.end()


class Between:
    """Somebody on the way between two machines, who sees and may change all that one of them sends.

    Args:
        target: host and port of the listener.
        change: gets the number of a piece and the piece, and returns what goes on.
    """

    def __init__(self, target: tuple[str, int], change: Change) -> None:
        self._target = target
        self._change = change
        self.seen = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(*self._target)
        await asyncio.gather(
            self._carry(reader, onward, self._change), self._carry(there, writer, lambda _, data: data)
        )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change) -> None:
        number = 0
        try:
            while head := await reader.read(4):
                data = head + await reader.readexactly(int.from_bytes(head, "little"))
                self.seen += data
                writer.write(change(number, data))
                number += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _attacked(pair: Pair, harness: Harness, change: Change) -> tuple[Between, Pair]:
    between = Between(place(pair.address), change)
    server = await asyncio.start_server(between, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    server_ends = await harness.join(pair.far, pair.far_hears, f"tcp://{host}:{port}", pair.endpoint)
    server.close()
    return between, server_ends


async def test_nobody_on_the_way_can_read_what_goes_over_tcp(pair: Pair) -> None:
    harness = Harness(StreamTransport, lambda: "tcp://127.0.0.1:*", PATIENCE)
    try:
        between, joined = await _attacked(pair, harness, lambda _, data: data)
        joined.near.send(joined.peer, b"attack at dawn")
        assert await pair.far_hears.have(1, joined.guest) == [b"attack at dawn"]
        assert b"dawn" not in between.seen
        assert joined.guest.key.encode() not in between.seen
    finally:
        harness.end()


@pytest.mark.parametrize(
    "attack",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data + data,
        lambda data: b"",
        lambda data: framed(b"\3\0\0\0\0\1\0\0\0"),
    ],
    ids=["a changed byte", "a repeated message", "a message left out", "a forged one"],
)
async def test_what_is_changed_on_the_way_ends_the_lane_and_is_never_delivered(
    pair: Pair, attack: Callable[[bytes], bytes]
) -> None:
    harness = Harness(StreamTransport, lambda: "tcp://127.0.0.1:*", PATIENCE)
    attacking = False

    def change(number: int, data: bytes) -> bytes:
        nonlocal attacking
        if not attacking:
            return data
        attacking = False
        return attack(data)

    try:
        _, joined = await _attacked(pair, harness, change)
        joined.near.send(joined.peer, b"first")
        await pair.far_hears.have(1, joined.guest)
        attacking = True
        for number in range(20):
            try:
                joined.near.send(joined.peer, b"later %d" % number)
            except HyperverseError:
                break
            await asyncio.sleep(0.01)
        await pair.far_hears.have_down(joined.guest)
        came = pair.far_hears.frames(joined.guest)
        assert came == [b"first", *(b"later %d" % number for number in range(len(came) - 1))], (
            "none twice, none left out"
        )
        await pair.prove_it_works()
    finally:
        harness.end()


async def test_a_listener_with_another_key_is_named_as_that(pair: Pair) -> None:
    transport = StreamTransport()
    wrong = transport.new_identity().public
    with pytest.raises(Unauthorized, match="did not prove that it holds the expected key: it has another key"):
        await transport.connect(pair.address, pair.near_hears, server_key=wrong, timeout=PATIENCE)
    transport.abort()


async def test_another_user_of_this_computer_is_not_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says who is at the other end of a Unix socket; here it says somebody else."""
    harness = Harness(StreamTransport, lambda: f"unix://{tmp_path}/s", PATIENCE)
    try:
        pair = await harness.pair()
        whose = PeerProcess.of

        def said(transport: asyncio.BaseTransport) -> PeerProcess:
            listens = transport.get_extra_info("sockname")  # who connects has no name
            return PeerProcess(1, os.getuid() + 1) if listens else whose(transport)

        monkeypatch.setattr(PeerProcess, "of", said)
        with pytest.raises(HyperverseError):
            await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        assert pair.far_hears.ups == [pair.guest]
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    finally:
        harness.end()


def test_the_system_tells_who_is_at_the_other_end() -> None:
    if not hasattr(socket, "SO_PEERCRED"):
        pytest.skip("this computer has no SO_PEERCRED")
    near, far = socket.socketpair(socket.AF_UNIX)

    class Transport(asyncio.BaseTransport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return near

    assert PeerProcess.of(Transport()) == PeerProcess(os.getpid(), os.getuid())
    assert PeerProcess.of(Transport()).is_ours() and PeerProcess.of(Transport()).runs()
    assert PeerProcess(1, 0).is_ours() and not PeerProcess(1, os.getuid() + 1).is_ours()
    near.close()
    far.close()


# -- the handshake, without a network ---------------------------------------------------------------------------


def shaken(server: bytes = bytes(range(32)), client: bytes = bytes(range(1, 33))) -> tuple[Cipher, Cipher]:
    one, other = Initiator(client, SecretKey(server).public), Responder(server)
    one.second(other.first(one.first()))
    message, seal, _ = one.third(b"hello")
    key, said, _, opens = other.third(message)
    assert (key, said) == (SecretKey(client).public, b"hello")
    return seal, opens


def test_both_sides_agree_and_every_connection_has_keys_of_its_own() -> None:
    seal, opens = shaken()
    first = seal.seal(b"x")
    assert opens.open(first) == b"x"
    with pytest.raises(NotProven):
        opens.open(first)
    assert shaken()[0].seal(b"x") != first


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_handshake_of_which_a_byte_was_changed_does_not_succeed(which: int) -> None:
    server, client = os.urandom(32), os.urandom(32)
    for at in range(0, 48, 5):
        one, other = Initiator(client, SecretKey(server).public), Responder(server)

        def sent(number: int, message: bytes, at: int = at) -> bytes:
            return message[:at] + bytes([message[at] ^ 4]) + message[at + 1 :] if number == which else message

        with pytest.raises(NotProven):
            one.second(sent(1, other.first(sent(0, one.first()))))
            other.third(sent(2, one.third(b"hello")[0]))


@pytest.mark.parametrize(
    "text", ["", "x", "x" * 43 + "=", "-" * 43, "ä" * 43, "8?ckEQG/fhn??[x9(Oy&9Bw&[wTuhdPQlXaM{z#!"]
)
def test_a_text_that_is_no_key_is_refused_with_the_form_of_one(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        StreamTransport().check_key(text)
    assert "43 letters" in refused.value.hint


@pytest.mark.parametrize("number", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18])
async def test_a_key_with_which_every_secret_gives_the_same_is_refused(number: int) -> None:
    """Of such a key nobody can prove to be its only holder. A connection to it ended in silence."""
    text = base64.urlsafe_b64encode(number.to_bytes(32, "little")).decode().rstrip("=")
    transport = StreamTransport()
    with pytest.raises(BadRequest, match="anybody could prove"):
        transport.check_key(text)
    with pytest.raises(BadRequest, match="anybody could prove"):
        await transport.connect(
            "tcp://127.0.0.1:1", Harness(StreamTransport, str, PATIENCE).recorder(), server_key=text
        )
    transport.abort()


async def test_a_pair_of_two_keys_that_do_not_belong_together_is_refused() -> None:
    transport = StreamTransport()
    one, other = transport.new_identity(), transport.new_identity()
    mixed = type(one)(one.public, other.secret)
    with pytest.raises(BadRequest, match="must have a key pair"):
        await transport.open(Endpoint("stars", "", mixed), Harness(StreamTransport, str, PATIENCE).recorder())
    transport.abort()


def test_settings_that_cannot_be_are_named() -> None:
    with pytest.raises(ConfigError) as refused:
        StreamTransport({"heartbeat_timeout": 0, "max_peer": 3})
    assert "did you mean 'max_peers'" in str(refused.value)
    assert "heartbeat_timeout = 0: must be a number of seconds above 0" in str(refused.value)


async def test_a_peer_that_ends_is_forgotten(pair: Pair) -> None:
    await pair.near.close()
    await pair.far_hears.have_down(pair.guest)
    links = pair.far._pump.links  # type: ignore[attr-defined]  # it is a StreamTransport
    await until(lambda: not links, "no connection is left")
