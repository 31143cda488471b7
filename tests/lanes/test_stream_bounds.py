"""What somebody may take from a listener before anybody has answered: memory, time and descriptors are bounded."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hyperverse_core.contracts.lane import Endpoint
from hyperverse_core.errors import HyperverseError
from hyperverse_core.testing.lane_kit.harness import Harness, Pair
from hyperverse_stream import room
from hyperverse_stream.transport import StreamTransport
from patience import PATIENCE, until

KIB = 1024


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    harness = Harness(StreamTransport, lambda: "", PATIENCE)
    yield harness
    harness.end()


async def bounded(harness: Harness, most: int) -> Pair:
    """A guest that may be anybody until something is sent to it."""
    far, far_hears = await harness.transport(), harness.recorder()
    endpoint = Endpoint("clients", "", far.new_identity(), unanswered=most)
    return await harness.join(far, far_hears, await far.open(endpoint, far_hears), endpoint)


def begin(pair: Pair, size: int) -> None:
    """The guest begins a message of that many bytes, with half of them."""
    link = next(iter(pair.near._pump.links))  # type: ignore[attr-defined]  # it is a StreamTransport
    link._stream.write(size.to_bytes(4, "little") + b"\3" + bytes(size // 2))


async def test_a_guest_that_nobody_has_answered_begins_no_large_message(harness: Harness) -> None:
    pair = await bounded(harness, 64 * KIB)
    begin(pair, 200 * KIB)
    await pair.far_hears.have_down(pair.guest)
    await pair.near_hears.have_down(pair.peer)


async def test_a_guest_that_was_answered_may_send_as_much_as_any_other(harness: Harness) -> None:
    pair = await bounded(harness, 4 * KIB)
    pair.far.send(pair.guest, b"welcome")
    await pair.near_hears.have(1)
    large = bytes(900 * KIB)
    pair.near.send(pair.peer, large)
    assert await pair.far_hears.have(1, pair.guest) == [large]


async def test_strangers_together_take_little_memory(harness: Harness) -> None:
    """Each has begun a message and does not end it."""
    far, hears = await harness.transport(), harness.recorder()
    address = await far.open(Endpoint("clients", "", far.new_identity()), hears)
    path = address.removeprefix("unix://")
    strangers = [await asyncio.open_unix_connection(path) for _ in range(100)]
    for _, writer in strangers:
        writer.write((1024).to_bytes(4, "little") + bytes(1020))
    links = far._pump.links  # type: ignore[attr-defined]  # it is a StreamTransport
    await until(lambda: sum(bool(link._waiting) for link in links) == 100, "all have begun")
    taken = sum(sum(map(len, link._waiting)) for link in links)
    assert taken <= 100 * 1028
    for _, writer in strangers:
        writer.close()


async def test_without_room_newcomers_are_sent_away_and_those_that_are_there_stay(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    counted = 0
    left = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return left

    pair = await harness.pair()
    pair.far._room._until_count = 0  # type: ignore[attr-defined]  # it counts again with the next one
    monkeypatch.setattr(room, "room_for_connections", count)
    near, hears = await harness.transport(), harness.recorder()
    with caplog.at_level(logging.WARNING, "hyperverse.lane.stream"):
        for _ in range(30):
            with pytest.raises(HyperverseError):
                await near.connect(pair.address, hears, server_key=pair.endpoint.identity.public, timeout=PATIENCE)
        assert 1 <= counted < 30, "descriptors are not counted for each of them"
        await pair.prove_it_works()
        left = 100
        await asyncio.sleep(room._COUNT_AGAIN)
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)
        await again.prove_it_works()
    said = [record.message for record in caplog.records if "the transport accepts" in record.message]
    assert (
        len(said) >= 2
        and "almost out of file descriptors" in said[0]
        and said[-1] == "the transport accepts connections again"
    )


async def test_a_listener_takes_no_more_peers_than_it_may(harness: Harness) -> None:
    far, hears = StreamTransport({"max_peers": 1}), harness.recorder()
    harness._transports.append(far)
    endpoint = Endpoint("clients", "", far.new_identity())
    pair = await harness.join(far, hears, await far.open(endpoint, hears), endpoint)
    near = await harness.transport()
    with pytest.raises(HyperverseError, match="max_peers"):
        await near.connect(pair.address, harness.recorder(), server_key=endpoint.identity.public, timeout=PATIENCE)
    await pair.near.disconnect(pair.peer)
    await until(lambda: not far._peers, "the place is free")
    await harness.join(far, hears, pair.address, endpoint)


def most_waiting() -> int:
    """How many connections the system keeps for a listener."""
    said = Path("/proc/sys/net/core/somaxconn")
    return int(said.read_text()) if said.exists() else 0


async def test_hundreds_connect_while_the_listener_is_busy(harness: Harness) -> None:
    """The system keeps them until the event loop has time. Of a Unix socket it would refuse the others at once."""
    if most_waiting() < 500:
        pytest.skip("this system keeps fewer connections for any listener")
    far, hears = await harness.transport(), harness.recorder()
    address = await far.open(Endpoint("clients", "", far.new_identity()), hears)
    waiting = []
    for _ in range(500):  # no await: the event loop accepts nobody meanwhile
        waiting.append(socket.socket(socket.AF_UNIX))
        waiting[-1].setblocking(False)
        waiting[-1].connect(address.removeprefix("unix://"))
    links = far._pump.links  # type: ignore[attr-defined]  # it is a StreamTransport
    await until(lambda: len(links) == 500, "all are accepted")
    for one in waiting:
        one.close()


async def test_a_crowd_of_strangers_does_not_fill_the_log(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    far, hears = await harness.transport(), harness.recorder()
    address = await far.open(Endpoint("clients", "", far.new_identity()), hears)
    for number in range(100):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"))
        writer.write((2000 + number).to_bytes(4, "little"))
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
    said = [record.getMessage() for record in caplog.records if record.name == "hyperverse.lane.stream"]
    assert said == [
        "endpoint 'clients': refused a stranger: a message of 2000 bytes is larger than 1024",
    ]
